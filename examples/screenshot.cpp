// SPDX-License-Identifier: MIT
//
// Saves what is on the screen of a VM: screenshot VM FILE.png
//
//     g++ -o screenshot screenshot.cpp $(pkg-config --cflags --libs libsystemd)
//
// What the method does: org.qemunit1(5).
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

namespace {

constexpr char kService[] = "org.qemunit1";

int complain(const char *what, int r, const sd_bus_error &error) {
    std::fprintf(stderr, "%s: %s\n", what, error.message ? error.message : std::strerror(-r));
    return 1;
}

// The picture is a file in memory, which nobody changes any more.
int save(int picture, const char *path) {
    struct stat status {};
    const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (file < 0 || fstat(picture, &status) < 0) {
        std::perror(path);
        return 1;
    }
    off_t done = 0;
    while (done < status.st_size &&
           sendfile(file, picture, &done, static_cast<std::size_t>(status.st_size - done)) > 0) {
    }
    if (close(file) < 0 || done < status.st_size) {
        std::perror(path);
        return 1;
    }
    return 0;
}

}  // namespace

int main(int argc, char *argv[]) {
    if (argc != 3) {
        std::fprintf(stderr, "usage: %s VM FILE.png\n", argv[0]);
        return 2;
    }
    sd_bus *bus = nullptr;
    sd_bus_error error = SD_BUS_ERROR_NULL;
    if (int r = sd_bus_open_system(&bus); r < 0)
        return complain("The system bus cannot be reached", r, error);

    sd_bus_message *found = nullptr;
    sd_bus_message *answer = nullptr;
    const char *vm = nullptr;
    int picture = -1;
    int status = 0;
    int r = sd_bus_call_method(bus, kService, "/org/qemunit1", "org.qemunit1.Manager", "GetVM",
                               &error, &found, "s", argv[1]);
    if (r >= 0)
        r = sd_bus_message_read(found, "o", &vm);
    if (r >= 0)
        r = sd_bus_call_method(bus, kService, vm, "org.qemunit1.VM", "Screenshot", &error, &answer,
                               nullptr);
    if (r >= 0)
        r = sd_bus_message_read(answer, "h", &picture);  // it stays the message's
    status = r < 0 ? complain(argv[1], r, error) : save(picture, argv[2]);

    sd_bus_message_unref(answer);
    sd_bus_message_unref(found);
    sd_bus_error_free(&error);
    sd_bus_flush_close_unref(bus);
    return status;
}
