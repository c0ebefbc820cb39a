# SPDX-License-Identifier: MIT
#
# A guest that waits for one key and then prints 20,000 numbered lines of 40 characters
# as fast as COM1 takes them.

        .include "x86.inc"

        .globl _start
_start:
        guest_entry
        mov $ready, %si
        call puts
        call getc
        mov $20000, %cx
more:
        mov $digits + 4, %bx            # count up in decimal, in the text itself
1:      incb (%bx)
        cmpb $'9', (%bx)
        jbe 2f
        movb $'0', (%bx)
        dec %bx
        jmp 1b
2:      mov $text, %si
        call puts
        loop more
        mov $done, %si
        call puts
idle:
        call getc                       # the power button still works
        jmp idle

        guest_functions

ready:  .asciz "burst ready\r\n"
text:   .ascii "line "
digits: .ascii "00000"
        .asciz " the quick brown fox jumps ok\r\n"
done:   .asciz "burst done\r\n"

        guest_end
