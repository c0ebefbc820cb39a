# SPDX-License-Identifier: MIT
#
# A guest that prints numbered lines as fast as COM1 takes them: "0000001", "0000002"… It asks
# how many ("200000", Enter), and asks again. If `lines` below is patched to a number, it asks
# nothing, prints that many lines of 64 bytes, and powers off: for QEMU without a console.

        .include "x86.inc"

        .globl _start
_start:
        guest_entry
        mov lines, %ebx
        test %ebx, %ebx
        jnz print
        movw $0x0a0d, rest              # short lines
        movb $0, rest + 2
ask:    mov $ready, %si
        call puts
        xor %ebx, %ebx
1:      call getc
        cmp $'\r', %al
        je 2f
        movzbl %al, %eax
        imul $10, %ebx
        lea -'0'(%ebx, %eax), %ebx
        jmp 1b
2:      mov $rest, %si                  # a line end
        call puts

print:  movl $0x30303030, digits        # "0000000"
        movl $0x30303030, digits + 3
more:   test %ebx, %ebx
        jz done
        mov $digits + 6, %di            # count up in decimal, in the text itself
1:      incb (%di)
        cmpb $'9', (%di)
        jbe 2f
        movb $'0', (%di)
        dec %di
        jmp 1b
2:      mov $digits, %si
        call puts
        dec %ebx
        jmp more
done:   cmpl $0, lines
        jne power_off
        jmp ask

        guest_functions

ready:  .asciz "how many? "
digits: .ascii "0000000"
rest:   .asciz " the quick brown fox jumps over the lazy dogs and back.\r\n"

        .org 506
lines:  .long 0
        guest_end
