# SPDX-License-Identifier: MIT
#
# A guest that says on COM1 what comes from its keyboard and its mouse, by way of the BIOS:
# each character as it is, "[3b]" for the scan code of a key without one (F1), and "(0af6)" for
# ten steps to the right and ten down. It takes its time: the BIOS's buffer has to be enough.

        .include "x86.inc"

        .globl _start
_start:
        guest_entry
        mov $0xc205, %ax                # the mouse: packets of three bytes
        mov $3, %bh
        int $0x15
        mov $0xc207, %ax                # to this function, in ES:BX
        mov $mouse, %bx
        int $0x15
        mov $0xc200, %ax                # on
        mov $1, %bh
        int $0x15
        mov $banner, %si
        call puts
next:
        mov $1, %ah
        int $0x16
        jnz key
        hlt                             # a key's interrupt ends it, or the timer's
        jmp next
key:
        xor %ah, %ah
        int $0x16
        test %al, %al
        jz scan_code
        cmp $0xe0, %al
        je scan_code
        call putc
        jmp next
scan_code:
        mov $'[', %al
        call putc
        mov %ah, %al
        call hex
        mov $']', %al
        call putc
        jmp next

# Called by the BIOS, far: on the stack are Z, Y, X and the status, a word each.
mouse:
        push %bp
        mov %sp, %bp
        pusha
        push %ds
        xor %ax, %ax
        mov %ax, %ds
        mov $'(', %al
        call putc
        mov 10(%bp), %al
        call hex
        mov 8(%bp), %al
        call hex
        mov $')', %al
        call putc
        pop %ds
        popa
        pop %bp
        lret

hex:                                    # %al in two digits; keeps all but %al and %dx
        push %ax
        shr $4, %al
        call digit
        pop %ax
        and $15, %al
digit:
        cmp $10, %al
        jb 1f
        add $('a' - '0' - 10), %al
1:      add $'0', %al
        jmp putc

        guest_functions

banner: .asciz "keyboard and mouse ready\r\n"
        guest_end
