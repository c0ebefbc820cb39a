# SPDX-License-Identifier: MIT
#
# A guest that waits for one key and then writes to each page of its memory from 1 MiB to 1 GiB.
# What it does not have, it writes in vain.

        .include "x86.inc"

        .globl _start
_start:
        guest_entry
        mov $ready, %si
        call puts
        call getc
        # "Unreal mode": a segment keeps the limit that it got in protected mode, here 4 GiB.
        cli
        lgdt gdt_pointer
        mov %cr0, %eax
        or $1, %al
        mov %eax, %cr0
        mov $8, %bx
        mov %bx, %fs
        and $0xfe, %al
        mov %eax, %cr0
        xor %bx, %bx
        mov %bx, %fs
        sti
        mov $0x100000, %edi
1:      movb $1, %fs:(%edi)
        add $4096, %edi
        cmp $0x40000000, %edi
        jb 1b
        mov $done, %si
        call puts
idle:
        call getc                       # the power button still works
        jmp idle

        guest_functions

ready:  .asciz "press a key\r\n"
done:   .asciz "filled\r\n"

gdt:    .quad 0
        .quad 0x00cf92000000ffff        # data, base 0, limit 4 GiB
gdt_pointer:
        .word . - gdt - 1
        .long gdt

        guest_end
