// SPDX-License-Identifier: MIT
//
// A server of http on a port of 127.0.0.1, for tests of downloads: good ones, and such as end
// early, say nothing more, or send elsewhere. No test needs any other server.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "common/unique_fd.h"

namespace qemunit {

class HttpServer {
  public:
    struct Page {
        std::string body;
        std::string etag = "\"1\"";
        int status = 200;
        std::string location = "";            // with a status that sends elsewhere
        std::size_t cut = std::string::npos;  // so many bytes of the body, and no more:
        bool stalls = false;                  // the connection stays, or else ends
        bool knows_ranges = true, knows_length = true;
        std::optional<unsigned long long> length = std::nullopt;  // what it says instead
    };

    HttpServer() : listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        address_.sin_family = AF_INET;
        address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address_;
        auto *address = reinterpret_cast<sockaddr *>(&address_);
        int ends[2] = {-1, -1};
        if (bind(listener_.get(), address, size) != 0 || listen(listener_.get(), 16) != 0 ||
            getsockname(listener_.get(), address, &size) != 0 || pipe(ends) != 0)
            std::abort();
        stop_reading_.reset(ends[0]);
        stop_writing_.reset(ends[1]);
        thread_ = std::thread([this] { serve(); });
    }
    ~HttpServer() {
        stop_writing_.reset();
        thread_.join();
    }
    HttpServer(const HttpServer &) = delete;
    HttpServer &operator=(const HttpServer &) = delete;

    // "http://127.0.0.1:45678/a"
    std::string url(const std::string &path) const {
        return "http://127.0.0.1:" + std::to_string(ntohs(address_.sin_port)) + path;
    }
    void set(const std::string &path, Page page) {
        const std::scoped_lock lock(mutex_);
        pages_[path] = std::move(page);
    }
    // Heads of requests, in their order.
    std::vector<std::string> requests() const {
        const std::scoped_lock lock(mutex_);
        return requests_;
    }

  private:
    void serve() {
        for (;;) {
            pollfd sources[] = {{listener_.get(), POLLIN, 0}, {stop_reading_.get(), POLLIN, 0}};
            poll(sources, 2, -1);
            if (sources[1].revents != 0)
                return;
            if (UniqueFd client(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)); client)
                answer(std::move(client));
        }
    }

    void answer(UniqueFd client) {
        std::string head;
        char buffer[4096];
        while (head.find("\r\n\r\n") == head.npos) {
            const ssize_t n = read(client.get(), buffer, sizeof buffer);
            if (n <= 0)
                return;
            head.append(buffer, static_cast<std::size_t>(n));
        }
        const std::size_t begin = head.find(' ') + 1;
        Page page{.body = "nothing here", .status = 404};
        {
            const std::scoped_lock lock(mutex_);
            requests_.push_back(head);
            const auto found = pages_.find(head.substr(begin, head.find(' ', begin) - begin));
            if (found != pages_.end())
                page = found->second;
        }
        std::size_t from = 0;
        const std::size_t range = head.find("\r\nRange: bytes=");
        if (range != head.npos && page.knows_ranges && page.status == 200 &&
            head.find("If-Range: " + page.etag) != head.npos)
            from = std::strtoull(head.c_str() + range + 15, nullptr, 10);
        std::string answer;
        if (from > 0 && from >= page.body.size()) {
            answer = "HTTP/1.1 416 Range\r\nContent-Range: bytes */" +
                     std::to_string(page.body.size()) + "\r\n";
            page.body.clear();
            from = 0;
        } else if (from > 0) {
            answer = "HTTP/1.1 206 Part\r\nContent-Range: bytes " + std::to_string(from) + "-" +
                     std::to_string(page.body.size() - 1) + "/" + std::to_string(page.body.size()) +
                     "\r\n";
        } else {
            answer = "HTTP/1.1 " + std::to_string(page.status) + " Said\r\n";
        }
        if (!page.etag.empty())
            answer += "ETag: " + page.etag + "\r\n";
        if (!page.location.empty())
            answer += "Location: " + page.location + "\r\n";
        if (page.knows_length)
            answer +=
                "Content-Length: " + std::to_string(page.length.value_or(page.body.size() - from)) +
                "\r\n";
        answer += "Connection: close\r\n\r\n";
        answer += page.body.substr(from, page.cut < from ? 0 : page.cut - from);
        for (std::size_t done = 0; done < answer.size();) {
            const ssize_t n =
                send(client.get(), answer.data() + done, answer.size() - done, MSG_NOSIGNAL);
            if (n <= 0)
                return;
            done += static_cast<std::size_t>(n);
        }
        if (page.stalls)
            stalled_.push_back(std::move(client));
    }

    UniqueFd listener_, stop_reading_, stop_writing_;
    sockaddr_in address_{};
    mutable std::mutex mutex_;
    std::map<std::string, Page> pages_;
    std::vector<std::string> requests_;
    std::vector<UniqueFd> stalled_;
    std::thread thread_;
};

}  // namespace qemunit
