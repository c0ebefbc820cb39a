// SPDX-License-Identifier: MIT
#include "helper/init/job.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/run/protocol.h"
#include "helper/init/end.h"

namespace qemunit::init {

Job read_job() {
    Job job;
    const int fd = open(run::kJobPath, O_RDONLY | O_CLOEXEC);
    struct stat info{};
    if (fd < 0 || fstat(fd, &info) != 0)
        give_up("cannot open %s: %s", run::kJobPath, strerror(errno));
    job.size = static_cast<size_t>(info.st_size);
    job.text = static_cast<char *>(malloc(job.size + 1));
    for (size_t filled = 0; filled < job.size;) {
        const ssize_t n = read(fd, job.text + filled, job.size - filled);
        if (n <= 0)
            give_up("cannot read %s", run::kJobPath);
        filled += static_cast<size_t>(n);
    }
    job.text[job.size] = '\0';
    close(fd);
    return job;
}

char *next_value(const Job &job, const char *key, char *after) {
    const size_t length = strlen(key);
    char *word = after == nullptr ? job.text : after + strlen(after) + 1;
    for (; word < job.text + job.size; word += strlen(word) + 1)
        if (strncmp(word, key, length) == 0 && word[length] == '=')
            return word + length + 1;
    return nullptr;
}

}  // namespace qemunit::init
