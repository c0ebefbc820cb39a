// SPDX-License-Identifier: MIT
#include "helper/init/end.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "common/run/protocol.h"

namespace qemunit::init {

int control = -1;

void power_off() {
    sync();
    reboot(RB_POWER_OFF);
    for (;;)
        pause();
}

void give_up(const char *format, ...) {
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    printf("qemunit-init: %s\n", text);
    if (control >= 0) {
        dprintf(control, "%s %s\n", run::kFailed, text);
        char byte;
        while (read(control, &byte, 1) > 0) {
        }
    }
    power_off();
}

}  // namespace qemunit::init
