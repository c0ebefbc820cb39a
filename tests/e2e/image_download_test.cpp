// SPDX-License-Identifier: MIT
//
// Images of the catalogue, from a server on loopback to a guest that runs, and what is left of
// downloads that were wrong, cut short or killed.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/e2e/expect_contains.h"
#include "tests/e2e/made_vm.h"
#include "tests/e2e/user_session.h"
#include "tests/http_server.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

const std::string kStore = "/var/lib/qemunit-images";
const std::string kDownloads = "/var/lib/private/qemunit-fetch";
const std::string kCatalogue = "/etc/qemunit/images";
constexpr char kMachine[] = " --memory=64M --ssh-key= ";

std::size_t files_in(const std::string &folder) {
    std::error_code error;
    std::size_t count = 0;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error))
        ++count;
    return count;
}

std::string digest(const std::string &path) {
    return run({"sha256sum", path}).output.substr(0, 64);
}

// The process of this name, once there is one.
pid_t find_process(const std::string &name) {
    for (const Deadline deadline; !deadline.passed();)
        for (const auto &entry : fs::directory_iterator("/proc"))
            if (trimmed(read_file(entry.path() / "comm")) == name)
                return std::atoi(entry.path().filename().c_str());
    return 0;
}

// A catalogue with an image "tiny" that boots, and the server that has it.
class ImageDownload : public testing::Test {
  protected:
    ImageDownload() {
        clear();
        fs::create_directories(kCatalogue);
        fs::create_directories(kWork);
        const Finished made = run({"qemu-img", "convert", "-f", "raw", "-O", "qcow2",
                                   kGuestDir + "/console.img", kImage});
        EXPECT_TRUE(made.ok()) << made;
        body_ = read_file(kImage);
        serve("/tiny.img", {.body = body_});
        write_sums(digest(kImage));
        write_catalogue("");
    }
    ~ImageDownload() override {
        clear();
        fs::remove_all(kWork);
        fs::remove(kCatalogue + "/tiny.conf");
    }
    static void clear() {
        fs::remove_all(kStore);
        fs::remove_all(kDownloads);
    }

    void serve(const std::string &path, HttpServer::Page page) { server_.set(path, page); }
    void write_sums(const std::string &sum) {
        sums_ = sum + "  tiny.img\n" + std::string(64, '0') + "  other.img\n";
        serve("/SHA256SUMS", {.body = sums_});
    }
    void write_catalogue(const std::string &more) {
        write_file(kCatalogue + "/tiny.conf",
                   "[Image x86_64]\nUser=tiny\nURL=" + server_.url("/tiny.img") +
                       "\nSums=" + server_.url("/SHA256SUMS") + "\n" + more);
    }
    // Nothing of it is there but what a download can go on from.
    void expect_nothing(const MadeVm &vm, const Finished &made, const std::string &text) {
        EXPECT_EQ(made.status, 1);
        expect_contains(made.output, text);
        EXPECT_EQ(files_in(kStore), 0u);
        EXPECT_FALSE(fs::exists(vm.ini_path()));
        EXPECT_FALSE(fs::exists(vm.state()));
    }
    // A key of its own, and the signature of the sums by it; "KEYS" and "SIG" in `folder`.
    void sign(const std::string &folder) {
        const Finished made =
            run({"sh", "-e", "-c",
                 "umask 077; mkdir -p \"$0/home\"; export GNUPGHOME=\"$0/home\"; "
                 "gpg -q --batch --passphrase '' --quick-gen-key test@example ed25519 sign never; "
                 "gpg -q --batch --yes -o \"$0/SIG\" --detach-sign \"$0/SUMS\"; "
                 "gpg -q --batch --yes -o \"$0/KEYS\" --export; gpgconf --kill all; chmod a+r "
                 "\"$0/KEYS\"",
                 folder});
        ASSERT_TRUE(made.ok()) << made;
    }

    const std::string kWork = "/srv/download", kImage = kWork + "/tiny.img";
    HttpServer server_;
    std::string body_, sums_;
};

TEST_F(ImageDownload, FromNothingToAGuest) {
    const Finished before = ctl("images");
    EXPECT_TRUE(before.ok() && before.says("tiny ") && before.says("debian-12 ")) << before;
    const MadeVm vm("newtiny");
    const Finished made = vm.make("tiny --start" + std::string(kMachine));
    ASSERT_TRUE(made.ok()) << made << run({"systemctl", "status", vm.unit()});
    expect_contains(made.output, "Downloading " + server_.url("/tiny.img"));
    expect_contains(made.output, "login    tiny, with 0 ssh keys");
    Terminal console({"qemunitctl", "console", "newtiny"});
    ASSERT_SEEN(console, kGuestReady);
    ASSERT_EQ(files_in(kStore), 1u);
    const std::string path = fs::directory_iterator(kStore)->path();
    EXPECT_EQ(read_file(path), body_);
    struct stat info{};
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_TRUE(info.st_uid == 0 && (info.st_mode & 0777) == 0644);
    EXPECT_EQ(files_in(kDownloads), 0u);
    expect_contains(vm.ini(), "BackingFile=" + path);
    expect_contains(ctl("images --json").output, "\"path\": \"" + path + "\"");

    // Once is enough, also without the server.
    const std::size_t requests = server_.requests().size();
    const MadeVm second("newtiny2");
    EXPECT_TRUE(second.make("tiny" + std::string(kMachine)).ok());
    EXPECT_EQ(server_.requests().size(), requests);
    // The newest of today is the one that is here.
    const Finished fetched = ctl("images --fetch=tiny");
    EXPECT_EQ(trimmed(fetched.output), path);
    EXPECT_EQ(files_in(kStore), 1u);
}

TEST_F(ImageDownload, GoesOnAfterItWasKilled) {
    serve("/tiny.img", {.body = body_, .cut = body_.size() / 2, .stalls = true});
    const MadeVm vm("newkilled");
    {
        Terminal terminal({"qemunitctl", "new", "newkilled", "tiny", "--memory=64M", "--ssh-key="});
        ASSERT_SEEN(terminal, "[###############...............]");
        const pid_t fetch = find_process("qemunit-fetch");
        ASSERT_GT(fetch, 0);
        const std::string status = read_file("/proc/" + std::to_string(fetch) + "/status");
        EXPECT_EQ(status.find("\nUid:\t0\t"), status.npos);
        expect_contains(status, "\nCapEff:\t0000000000000000\n");
        expect_contains(status, "\nNoNewPrivs:\t1\n");
        expect_contains(status, "\nSeccomp:\t2\n");
        kill(fetch, SIGKILL);
        EXPECT_EQ(terminal.wait(), 1);
    }
    EXPECT_EQ(files_in(kStore), 0u);
    EXPECT_FALSE(fs::exists(vm.ini_path()));
    EXPECT_EQ(fs::file_size(kDownloads + "/tiny.x86_64.image.part"), body_.size() / 2);
    serve("/tiny.img", {.body = body_});
    const Finished made = vm.make("tiny" + std::string(kMachine));
    ASSERT_TRUE(made.ok()) << made;
    expect_contains(server_.requests().back(),
                    "Range: bytes=" + std::to_string(body_.size() / 2) + "-");
    EXPECT_EQ(read_file(fs::directory_iterator(kStore)->path()), body_);
}

// Also where nobody is left to take it.
TEST_F(ImageDownload, EndsWithWhoWantedIt) {
    serve("/tiny.img", {.body = body_, .cut = 1000, .stalls = true});
    const MadeVm vm("newleft");
    pid_t fetch = 0;
    {
        Terminal terminal({"qemunitctl", "new", "newleft", "tiny", "--memory=64M", "--ssh-key="});
        ASSERT_SEEN(terminal, "[..............................]");
        fetch = find_process("qemunit-fetch");
        terminal.type("\x03");
        EXPECT_NE(terminal.wait(), 0);
    }
    EXPECT_TRUE(wait_until_gone("/proc/" + std::to_string(fetch)));
    EXPECT_FALSE(fs::exists(vm.ini_path()));
    EXPECT_EQ(files_in(kStore), 0u);
}

// Two that want the same image get it once, and neither spoils what the other writes.
TEST_F(ImageDownload, ASecondOneWaitsForTheFirst) {
    serve("/tiny.img", {.body = body_, .cut = body_.size() / 2, .stalls = true});
    Terminal first({"qemunitctl", "images", "--fetch=tiny"});
    ASSERT_SEEN(first, "[###############...............]");
    Terminal second({"qemunitctl", "images", "--fetch=tiny"});
    ASSERT_SEEN(second, "Waiting for another download of tiny");
    serve("/tiny.img", {.body = body_});
    first.type("\x03");
    EXPECT_NE(first.wait(), 0);
    EXPECT_EQ(second.wait(), 0);
    EXPECT_EQ(read_file(fs::directory_iterator(kStore)->path()), body_);
}

TEST_F(ImageDownload, NothingThatIsWrongIsUsed) {
    const MadeVm vm("newwrong");
    const auto make = [&] {
        return vm.make("tiny" + std::string(kMachine));
    };
    write_sums(std::string(64, 'a'));
    expect_nothing(
        vm, make(),
        "it is not the image that it should be: sha256:" + std::string(64, 'a') + " was expected");
    EXPECT_EQ(files_in(kDownloads), 0u);
    serve("/SHA256SUMS", {.body = "<html>\n"});
    expect_nothing(vm, make(), "/SHA256SUMS has no digest of tiny.img");
    write_sums(digest(kImage));
    serve("/tiny.img", {.body = body_, .cut = 500});
    expect_nothing(vm, make(), "the connection ended after 500 bytes of ");
    serve("/tiny.img", {.body = "", .status = 404});
    expect_nothing(vm, make(), "there is no such file on the server");
    // A layer would show the guest a file of the host.
    run({"qemu-img", "create", "-q", "-f", "qcow2", "-u", "-F", "raw", "-b", "/etc/shadow", kImage,
         "1M"});
    serve("/tiny.img", {.body = read_file(kImage), .etag = "\"layer\""});
    write_sums(digest(kImage));
    expect_nothing(vm, make(), "it is a layer on another file");
    expect_nothing(vm, vm.make("tinny"),
                   "no image of this name in the catalogue. Did you mean "
                   "'tiny'?");
}

TEST_F(ImageDownload, SignaturesCount) {
    write_file(kWork + "/SUMS", sums_);
    sign(kWork);
    const std::string other = kWork + "/other";
    fs::create_directories(other);
    write_file(other + "/SUMS", sums_);
    sign(other);
    const MadeVm vm("newsigned");
    const auto make = [&](const std::string &keys) {
        write_catalogue("Signature=" + server_.url("/SIG") + "\nSignedBy=" + keys + "\n");
        return vm.make("tiny" + std::string(kMachine));
    };
    serve("/SIG", {.body = read_file(kWork + "/SIG")});
    expect_nothing(vm, make("/srv/none"), "is signed, and the keyring to check that is not here");
    expect_nothing(vm, make(other + "/KEYS"), "the signature is by a key that");
    serve("/SHA256SUMS", {.body = sums_ + "\n"});
    expect_nothing(vm, make(kWork + "/KEYS"), "the signature is wrong");
    serve("/SIG", {.body = "nonsense"});
    expect_nothing(vm, make(kWork + "/KEYS"), "gpgv does not accept the signature");
    serve("/SHA256SUMS", {.body = sums_});
    serve("/SIG", {.body = read_file(kWork + "/SIG")});
    const Finished made = make(kWork + "/KEYS");
    EXPECT_TRUE(made.ok()) << made;
    EXPECT_EQ(files_in(kStore), 1u);
}

TEST_F(ImageDownload, OfAUrl) {
    const MadeVm vm("newurl");
    const std::string url = server_.url("/tiny.img");
    expect_nothing(vm, vm.make(url + kMachine), "--sha256= with the digest");
    expect_nothing(vm, vm.make(url + kMachine + "--sha256=" + std::string(64, 'b')),
                   "it is not the image that it should be");
    const Finished made = vm.make(url + kMachine + "--sha256=" + digest(kImage));
    EXPECT_TRUE(made.ok()) << made;
    expect_contains(vm.ini(), kStore + "/tiny.img+x86_64+");
}

TEST_F(ImageDownload, OfAUser) {
    const UserSession user("joe");
    const Finished not_root = user.run_words("qemunitctl images --fetch=tiny");
    EXPECT_TRUE(not_root.status == 1 && not_root.says("the system's images are root's to keep"))
        << not_root;
    const Finished made =
        user.run_words("qemunitctl --user new vm1 tiny --start" + std::string(kMachine));
    ASSERT_TRUE(made.ok()) << made << user.journalctl("qemu@vm1.service");
    const std::string store = user.home() + "/.local/share/qemunit-images";
    EXPECT_EQ(files_in(store), 2u);  // one is the folder of downloads
    EXPECT_EQ(files_in(store + "/.download"), 0u);
    EXPECT_TRUE(user.call_vm("vm1", {"Quit"}).ok());
    EXPECT_TRUE(user.reaches_state("qemu@vm1.service", "inactive"));
}

TEST_F(ImageDownload, AFullDisk) {
    fs::create_directories(kStore);
    ASSERT_TRUE(run({"mount", "-t", "tmpfs", "-o", "size=64k", "none", kStore}).ok());
    const MadeVm vm("newnoroom");
    const Finished made = vm.make("tiny" + std::string(kMachine));
    EXPECT_TRUE(made.status == 1 && made.says("No space left on device")) << made;
    EXPECT_EQ(files_in(kStore), 0u);
    EXPECT_FALSE(fs::exists(vm.ini_path()));
    EXPECT_TRUE(run({"umount", kStore}).ok());
    // The download is still there, and need not be sent again.
    EXPECT_TRUE(vm.make("tiny" + std::string(kMachine)).ok());
    expect_contains(server_.requests().back(), "Range: bytes=" + std::to_string(body_.size()));
}

}  // namespace
}  // namespace qemunit::e2e
