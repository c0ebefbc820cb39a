// SPDX-License-Identifier: MIT
#include "bus/backup/nbd_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "common/files/free_name.h"

namespace qemunit::bus {

namespace {

constexpr char kScratchFolder[] = "/var/tmp";
constexpr int kBacklog = 16;

// A folder of this user alone, until the socket is bound and open.
class PrivateFolder {
  public:
    PrivateFolder() { is_made_ = mkdtemp(path_) != nullptr; }
    ~PrivateFolder() {
        if (!is_made_)
            return;
        unlink(socket().c_str());
        rmdir(path_);
    }
    PrivateFolder(const PrivateFolder &) = delete;
    PrivateFolder &operator=(const PrivateFolder &) = delete;

    bool is_made() const { return is_made_; }
    std::string socket() const { return std::string(path_) + "/nbd"; }

  private:
    char path_[sizeof "/tmp/qemunit-XXXXXX"] = "/tmp/qemunit-XXXXXX";
    bool is_made_ = false;
};

}  // namespace

Result<NbdSocket> make_nbd_socket() {
    const PrivateFolder folder;
    if (!folder.is_made())
        return fail_errno(errno, "cannot make a folder in /tmp");
    NbdSocket made{UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)), {}};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = folder.socket();
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    if (!made.listener ||
        bind(made.listener.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) !=
            0 ||
        listen(made.listener.get(), kBacklog) != 0)
        return fail_errno(errno, "cannot make a socket for NBD");
    // Whoever has the descriptor may connect: nobody else comes to the socket.
    if (chmod(path.c_str(), 0666) != 0)
        return fail_errno(errno, "cannot open the socket for NBD to others");
    made.place = UniqueFd(open(path.c_str(), O_PATH | O_CLOEXEC | O_NOFOLLOW));
    if (!made.place)
        return fail_errno(errno, "cannot open the socket for NBD");
    return made;
}

Result<ScratchFile> make_scratch_file() {
    const UniqueFd folder(open(kScratchFolder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ScratchFile file{folder ? make_nameless_file(folder.get()) : UniqueFd(), 0};
    struct statvfs info {};
    if (!file.fd || fstatvfs(file.fd.get(), &info) != 0)
        return fail_errno(errno, std::string("cannot make a scratch file in ") + kScratchFolder);
    file.available = uint64_t{info.f_bavail} * info.f_frsize;
    return file;
}

}  // namespace qemunit::bus
