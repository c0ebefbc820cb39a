// SPDX-License-Identifier: MIT
#include "helper/fetch/transfer.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/ascii.h"
#include "common/concat.h"
#include "common/paths.h"
#include "common/whole_number.h"
#include "helper/fetch/partial_file.h"

namespace qemunit::helper {

namespace {

constexpr long kMostRedirects = 8, kLeastSpeed = 1024;  // bytes in a second
constexpr long kOk = 200, kPartial = 206, kFirstError = 400, kNoSuchRange = 416;
constexpr char kGoesOn[] = "what is here is kept, and the same command goes on from there";

struct CurlDeleter {
    void operator()(CURL *curl) const { curl_easy_cleanup(curl); }
    void operator()(curl_slist *list) const { curl_slist_free_all(list); }
};
using CurlPtr = std::unique_ptr<CURL, CurlDeleter>;
using CurlList = std::unique_ptr<curl_slist, CurlDeleter>;

// What the last answer's headers say, of several if there are redirects.
struct Headers {
    std::string etag, date;
    std::optional<uint64_t> length;
    std::string range;

    // A weak ETag is no promise that the bytes are the same (RFC 9110, 13.1.5).
    std::string version() const { return etag.starts_with('"') ? etag : date; }
};

// "bytes 100-199/200": where it begins. "bytes */200": what there is.
std::optional<uint64_t> number_in(std::string_view range, std::string_view before, char after) {
    if (!range.starts_with(before))
        return std::nullopt;
    range.remove_prefix(before.size());
    return whole_number(range.substr(0, range.find(after)));
}

class Transfer {
  public:
    Transfer(const FetchOptions &options, const Progress &progress, PartialFile &file)
        : options_(options), progress_(progress), file_(file) {}

    Result<> run() {
        const CurlPtr curl(curl_easy_init());
        if (!curl)
            return fail(ENOMEM, "cannot begin with libcurl");
        curl_ = curl.get();
        CurlList headers;
        set_up();
        if (file_.size() != 0) {
            const std::string range = fmt::format("{}-", file_.size());
            curl_easy_setopt(curl_, CURLOPT_RANGE, range.c_str());
            headers.reset(curl_slist_append(nullptr, ("If-Range: " + file_.version()).c_str()));
            curl_easy_setopt(curl_, CURLOPT_HTTPHEADER, headers.get());
        }
        const CURLcode code = curl_easy_perform(curl_);
        return outcome(code);
    }

  private:
    void set_up() {
        const bool is_secure = options_.url.starts_with("https://");
        const char *const protocols = is_secure ? "https" : "http,https";
        curl_easy_setopt(curl_, CURLOPT_URL, options_.url.c_str());
        curl_easy_setopt(curl_, CURLOPT_PROTOCOLS_STR, protocols);
        curl_easy_setopt(curl_, CURLOPT_REDIR_PROTOCOLS_STR, protocols);
        curl_easy_setopt(curl_, CURLOPT_FOLLOWLOCATION, 1L);
        curl_easy_setopt(curl_, CURLOPT_MAXREDIRS, kMostRedirects);
        curl_easy_setopt(curl_, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(curl_, CURLOPT_CONNECTTIMEOUT, static_cast<long>(options_.stall));
        curl_easy_setopt(curl_, CURLOPT_LOW_SPEED_LIMIT, kLeastSpeed);
        curl_easy_setopt(curl_, CURLOPT_LOW_SPEED_TIME, static_cast<long>(options_.stall));
        curl_easy_setopt(curl_, CURLOPT_USERAGENT, concat("qemunit/", kVersion).c_str());
        curl_easy_setopt(curl_, CURLOPT_ERRORBUFFER, said_);
        curl_easy_setopt(curl_, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
        curl_easy_setopt(curl_, CURLOPT_HEADERDATA, this);
        curl_easy_setopt(curl_, CURLOPT_WRITEFUNCTION, &Transfer::on_bytes);
        curl_easy_setopt(curl_, CURLOPT_WRITEDATA, this);
        curl_easy_setopt(curl_, CURLOPT_XFERINFOFUNCTION, &Transfer::on_progress);
        curl_easy_setopt(curl_, CURLOPT_XFERINFODATA, this);
        curl_easy_setopt(curl_, CURLOPT_NOPROGRESS, 0L);
    }

    static std::size_t on_header(char *text, std::size_t, std::size_t size, void *data) {
        static_cast<Transfer *>(data)->take_header({text, size});
        return size;
    }
    static std::size_t on_bytes(char *bytes, std::size_t, std::size_t size, void *data) {
        return static_cast<Transfer *>(data)->take_bytes({bytes, size}) ? size : 0;
    }
    static int on_progress(void *data, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
        auto *self = static_cast<Transfer *>(data);
        self->is_wanted_ = self->progress_(self->file_.size(), self->total_);
        return self->is_wanted_ ? 0 : 1;
    }

    void take_header(std::string_view line) {
        while (line.ends_with('\n') || line.ends_with('\r'))
            line.remove_suffix(1);
        if (line.starts_with("HTTP/")) {
            headers_ = {};
            return;
        }
        const std::size_t colon = line.find(':');
        if (colon == line.npos)
            return;
        const std::string name = to_lower(line.substr(0, colon));
        line.remove_prefix(std::min(line.find_first_not_of(' ', colon + 1), line.size()));
        if (name == "etag")
            headers_.etag = line;
        else if (name == "last-modified")
            headers_.date = line;
        else if (name == "content-length")
            headers_.length = whole_number(line);
        else if (name == "content-range")
            headers_.range = line;
    }

    long status() const {
        long code = 0;
        curl_easy_getinfo(curl_, CURLINFO_RESPONSE_CODE, &code);
        return code;
    }

    // Before the first byte of the answer that counts.
    Result<> begin() {
        has_begun_ = true;
        if (status() == kPartial) {
            if (number_in(headers_.range, "bytes ", '-') != file_.size())
                return fail(EPROTO, "the server sent another part than was asked for");
        } else if (status() != kOk) {
            return fail(EPROTO, fmt::format("the server answered with status {}", status()));
        } else if (auto begun = file_.begin(headers_.version()); !begun) {
            return begun;
        }
        if (!headers_.length)
            return {};
        total_ = file_.size() + *headers_.length;
        if (auto small = check_size(total_); !small)
            return small;
        return file_.check_room(*headers_.length);
    }

    Result<> check_size(uint64_t size) const {
        if (size <= options_.max_size)
            return {};
        return fail(EFBIG, fmt::format("is larger than {} bytes, which is the most that is "
                                       "downloaded",
                                       options_.max_size));
    }

    bool take_bytes(std::string_view bytes) {
        if (status() >= kFirstError)
            return true;  // a page that says what is wrong
        Result<> taken = has_begun_ ? Result<>() : begin();
        if (taken)
            taken = check_size(file_.size() + bytes.size());
        if (taken)
            taken = file_.append(bytes);
        if (!taken)
            fault_ = taken.error();
        return taken.has_value();
    }

    Result<> outcome(CURLcode code) {
        if (fault_)
            return std::unexpected(*fault_);
        if (!is_wanted_)
            return fail(ECANCELED, fmt::format("was interrupted; {}", kGoesOn));
        switch (code) {
            case CURLE_OK:
                break;
            case CURLE_OPERATION_TIMEDOUT:
                return fail(ETIMEDOUT,
                            fmt::format("the server stalled: in {} s, less than {} bytes a second "
                                        "came; {}",
                                        options_.stall, kLeastSpeed, kGoesOn));
            case CURLE_PARTIAL_FILE:
            case CURLE_RECV_ERROR:
            case CURLE_GOT_NOTHING:
                return fail(ECONNRESET, fmt::format("the connection ended after {} bytes of {}; {}",
                                                    file_.size(), total_, kGoesOn));
            case CURLE_UNSUPPORTED_PROTOCOL:
                return fail(EPROTO,
                            "the server sent us elsewhere by another protocol than https, "
                            "which is refused");
            default:
                return fail(EIO, *said_ != '\0' ? said_ : curl_easy_strerror(code));
        }
        // All of it was here already.
        if (status() == kNoSuchRange && number_in(headers_.range, "bytes */", ' ') == file_.size())
            return file_.finish();
        if (status() == kNoSuchRange) {
            auto emptied = file_.begin("");
            return emptied ? fail(EAGAIN, "the server's file is another one now; try again")
                           : emptied;
        }
        if (status() == 404 || status() == 410)
            return fail(ENOENT,
                        fmt::format("there is no such file on the server (status {})", status()));
        if (status() >= kFirstError)
            return fail(EIO, fmt::format("the server refused with status {}", status()));
        if (!has_begun_)  // an empty file
            if (auto begun = begin(); !begun)
                return begun;
        return file_.finish();
    }

    const FetchOptions &options_;
    const Progress &progress_;
    PartialFile &file_;
    CURL *curl_ = nullptr;
    Headers headers_;
    uint64_t total_ = 0;
    bool has_begun_ = false, is_wanted_ = true;
    std::optional<Error> fault_;
    char said_[CURL_ERROR_SIZE] = {};
};

}  // namespace

Result<> transfer(const FetchOptions &options, const Progress &progress) {
    auto file = PartialFile::open(options.to, options.url);
    if (!file)
        return std::unexpected(file.error());
    return Transfer(options, progress, *file).run();
}

}  // namespace qemunit::helper
