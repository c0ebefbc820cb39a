// SPDX-License-Identifier: MIT
#include "generator/running/records.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <optional>

#include "common/concat.h"

namespace qemunit::generator {

namespace {

// Each string ends with a zero, which no unit has. Another version begins otherwise.
constexpr std::string_view kEnd("\0", 1);
constexpr std::string_view kHeader("qemunit-generator 1\0", 20);
constexpr std::string_view kFile = "f", kLink = "l";
constexpr std::size_t kBufferMax = 256 * 1024;

std::optional<std::string_view> take(std::string_view &text) {
    const std::size_t end = text.find('\0');
    if (end == std::string_view::npos)
        return std::nullopt;
    const std::string_view found = text.substr(0, end);
    text.remove_prefix(end + 1);
    return found;
}

// The text of an Output, up to the empty string after it.
std::optional<std::string_view> take_output(std::string_view &text) {
    const char *const begin = text.data();
    for (;;) {
        const std::string_view rest = text;
        const auto kind = take(text);
        if (!kind)
            return std::nullopt;
        if (kind->empty())
            return std::string_view(begin, static_cast<std::size_t>(rest.data() - begin));
        if (!take(text) || !take(text))
            return std::nullopt;
    }
}

std::string new_one(const std::string &path) {
    return path + ".new";
}

}  // namespace

std::string records_path(const std::string &root, const Paths &paths) {
    return concat(root, paths.runtime, "/qemunit-generator/records");
}

std::string text_of(const Output &output) {
    std::string text;
    for (const OutputFile &file : output.files)
        append(text, kFile, kEnd, file.path, kEnd, file.content, kEnd);
    for (const OutputLink &link : output.links)
        append(text, kLink, kEnd, link.path, kEnd, link.target, kEnd);
    return text;
}

Output output_of(std::string_view text) {
    Output output;
    while (const auto kind = take(text)) {
        const auto path = take(text), content = take(text);
        if (!path || !content)
            break;
        if (*kind == kFile)
            output.files.push_back({std::string(*path), std::string(*content)});
        else
            output.links.push_back({std::string(*path), std::string(*content)});
    }
    return output;
}

LastRun::LastRun(std::string text) : text_(std::move(text)) {
    std::string_view rest = text_;
    if (!rest.starts_with(kHeader))
        return;
    rest.remove_prefix(kHeader.size());
    while (!rest.empty()) {
        const auto vm = take(rest), invocation = take(rest);
        if (!vm || !invocation)
            return;
        const auto now = take_output(rest), started = take_output(rest);
        if (!now || !started)
            return;
        records_.insert_or_assign(*vm, Record{*vm, *now, *invocation, *started});
    }
}

std::unique_ptr<LastRun> LastRun::read(const std::string &path) {
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    struct stat info {};
    std::string text;
    if (!fd || fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode))
        return std::make_unique<LastRun>(std::string());
    text.resize(static_cast<std::size_t>(info.st_size));
    std::size_t done = 0;
    while (done < text.size()) {
        const ssize_t n = ::read(fd.get(), text.data() + done, text.size() - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += static_cast<std::size_t>(n);
    }
    text.resize(done);
    return std::make_unique<LastRun>(std::move(text));
}

const Record *LastRun::find(std::string_view vm) const {
    const auto it = records_.find(vm);
    return it == records_.end() ? nullptr : &it->second;
}

// O_APPEND: the kernel writes one buffer of two processes after the other.
Result<NextRun> NextRun::create(std::string path) {
    const std::string folder = path.substr(0, path.rfind('/'));
    if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
        return fail_errno(errno, "cannot create " + folder);
    const std::string file = new_one(path);
    unlink(file.c_str());
    UniqueFd fd(
        open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd)
        return fail_errno(errno, "cannot create " + file);
    if (write(fd.get(), kHeader.data(), kHeader.size()) != static_cast<ssize_t>(kHeader.size()))
        return fail_errno(errno, "cannot write " + file);
    return NextRun(std::move(path), std::move(fd));
}

void NextRun::add(const Record &record) {
    append(buffer_, record.vm, kEnd, record.invocation, kEnd, record.now, kEnd, record.started,
           kEnd);
    if (buffer_.size() >= kBufferMax)
        failed_ = !flush() || failed_;
}

Result<> NextRun::flush() {
    std::string_view rest = buffer_;
    while (!rest.empty()) {
        const ssize_t n = write(fd_.get(), rest.data(), rest.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            failed_ = true;
            return fail_errno(errno, "cannot write " + new_one(path_));
        }
        rest.remove_prefix(static_cast<std::size_t>(n));
    }
    buffer_.clear();
    return {};
}

Result<> NextRun::keep() {
    if (auto flushed = flush(); !flushed)
        return flushed;
    if (failed_)
        return fail(EIO, "cannot write " + new_one(path_));
    if (rename(new_one(path_).c_str(), path_.c_str()) != 0)
        return fail_errno(errno, "cannot rename " + new_one(path_));
    return {};
}

}  // namespace qemunit::generator
