# SPDX-License-Identifier: MIT
#
# A guest that is a tiny shell on COM1: it echoes what is typed and knows a few words.
# Its prompt is a line without an end, as a login prompt is.

        .include "x86.inc"

        .globl _start
_start:
        guest_entry
        mov $banner, %si
        call puts
prompt:
        mov $prompt_text, %si
        call puts
        mov $line, %di
next:
        call getc
        cmp $'\r', %al
        je run
        cmp $'\n', %al
        je run
        cmp $line + 80, %di
        je next                         # full: neither kept nor echoed
        stosb
        call putc
        jmp next

run:
        movb $0, (%di)
        mov $newline, %si
        call puts
        cmp $line, %di
        je prompt
        mov $commands, %bx
try:                                    # %bx: {name, 0, code address}…, 0
        cmpb $0, (%bx)
        je unknown
        mov %bx, %si
        mov $line, %di
1:      lodsb
        scasb
        jne skip
        test %al, %al
        jnz 1b
        call *(%si)
        jmp prompt
skip:                                   # to the byte after this name's 0
        mov %bx, %si
1:      lodsb
        test %al, %al
        jnz 1b
        lea 2(%si), %bx
        jmp try

unknown:
        mov $unknown_text, %si
        call puts
        mov $line, %si
        call puts
        mov $newline, %si
        call puts
        jmp prompt

hello:
        mov $hello_text, %si
        jmp puts
colour:
        mov $colour_text, %si
        jmp puts
spin:                                   # all that a CPU has, for good
        jmp spin
die:                                    # the last line has no end
        mov $die_text, %si
        call puts
        jmp power_off

        guest_functions

banner: .asciz "qemunit guest ready\r\n"
prompt_text: .asciz "> "
newline: .asciz "\r\n"
unknown_text: .asciz "unknown: "
hello_text: .asciz "Hello from the guest\r\n"
colour_text: .asciz "\033]0;title\007\033[1;31mred\033[0m and 50%\r100%\033[K\r\n"
die_text: .asciz "died in mid-line"

        .macro command name, code
        .asciz "\name"
        .word \code
        .endm
commands:
        command "hello", hello
        command "colour", colour
        command "die", die
        command "spin", spin
        command "off", power_off
        .byte 0

        .set line, 0x500                # free below the boot sector
        guest_end
