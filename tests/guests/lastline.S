# SPDX-License-Identifier: MIT
#
# A guest that prints one line and powers off at once.

        .include "x86.inc"

        .globl _start
_start:
        guest_entry
        mov $text, %si
        call puts
        jmp power_off

        guest_functions

text:   .asciz "last words of the guest\r\n"

        guest_end
