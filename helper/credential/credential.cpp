// SPDX-License-Identifier: MIT
#include "helper/credential/credential.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/files/named_file.h"
#include "common/files/new_file.h"
#include "common/files/trusted_path.h"
#include "common/options.h"

namespace qemunit::helper {

namespace {

constexpr std::size_t kLargest = std::size_t{1} << 20;  // as systemd has it, systemd.exec(5)

Result<std::string> read_credential(int fd) {
    std::string text;
    char buffer[65536];
    for (;;) {
        const ssize_t n = read(fd, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(errno, "cannot read it");
        if (n == 0)
            return text;
        text.append(buffer, static_cast<std::size_t>(n));
        if (text.size() > kLargest)
            return fail(EFBIG, "it is larger than 1 MiB");
    }
}

Result<> write_all(int fd, const std::string &text) {
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t n = write(fd, text.data() + done, text.size() - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail_errno(n < 0 ? errno : EIO, "cannot write it");
        done += static_cast<std::size_t>(n);
    }
    return {};
}

Result<UniqueFd> open_as(const std::string &owner, const std::string &path) {
    const auto account = find_account(owner);
    return account ? open_for(*account, path, O_RDONLY) : std::unexpected(account.error());
}

Result<std::string> read_for(const std::string &owner, const std::string &path) {
    const auto file =
        owner.empty() ? open_named_file(path, /*write=*/false, std::nullopt) : open_as(owner, path);
    if (!file)
        return std::unexpected(file.error());
    struct stat status {};
    if (fstat(file->get(), &status) != 0 || !S_ISREG(status.st_mode))
        return fail(EINVAL, path + " is not a file");
    auto text = read_credential(file->get());
    return text ? text : fail(text.error().code, path + ": " + text.error().message);
}

constexpr Option<CredentialOptions> kCredentialOptions[] = {
    {{.name = "--owner",
      .value = "USER",
      .help = "With whose rights it is opened, where others than root can\n"
              "put it there"},
     set_text<&CredentialOptions::owner>},
    {kHelpOption, set_to<&CredentialOptions::mode, CredentialOptions::Mode::help>, true},
    {kVersionOption, set_to<&CredentialOptions::mode, CredentialOptions::Mode::version>, true},
};

}  // namespace

std::string credential_help() {
    return options_help(
        R"(qemunit-credential [--owner=USER] NAME PATH

Copies the file PATH to NAME in $RUNTIME_DIRECTORY, from where systemd gives it to the VM. Run by
qemu-credential@VM.service, for File= in a [Credential] section.

)",
        kCredentialOptions, "\nSee qemunit.ini(5).\n");
}

Result<CredentialOptions> parse_credential_options(const std::vector<std::string> &arguments) {
    CredentialOptions options;
    const auto parsed =
        take_options(kCredentialOptions, arguments, Operands::behind_options, options);
    if (!parsed)
        return std::unexpected(parsed.error());
    if (options.mode != CredentialOptions::Mode::take)
        return options;
    const std::vector<std::string> &words = *parsed;
    if (words.size() != 2 || words[0].empty() || words[0].contains('/') ||
        !words[1].starts_with('/'))
        return fail(EINVAL,
                    "the credential's name and a file's absolute path are needed; see --help");
    options.name = words[0];
    options.path = words[1];
    return options;
}

Result<> take_credential(const CredentialOptions &options, const std::string &folder) {
    const auto failed = [&](const Error &why) {
        return fail(why.code,
                    fmt::format("cannot take credential '{}': {}", options.name, why.message));
    };
    const auto text = read_for(options.owner, options.path);
    if (!text)
        return failed(text.error());
    const UniqueFd opened(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened)
        return failed(fail_errno(errno, "cannot open " + folder).error());
    auto file = NewFile::create(opened.get(), options.name);
    if (!file)
        return failed(file.error());
    if (auto written = write_all(file->fd(), *text); !written)
        return failed(written.error());
    auto published = file->publish();
    return published ? published : failed(published.error());
}

}  // namespace qemunit::helper
