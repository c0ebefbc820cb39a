# SPDX-License-Identifier: MIT
#
# A guest that counts, on its second disk and in its RAM, and sees to it that the two never
# disagree. Each number has a sector: "QUNT", the number, what was random when the guest
# booted, and a checksum of these; the rest of the sector is full of the number. A number is
# written, then read again and compared with what RAM has of it, before the next one is.
#
#     BOOT 0000002a      it begins after the greatest number that the disk has
#     N 0000002b         that one is on the disk
#     DISAGREE …         RAM's number, the disk's: told on the first sector of the disk too, and
#                        nothing else is written any more
#
# tests/e2e/counting_guest.cpp reads such a disk.

        .include "x86.inc"

        .set DISK, 0x81
        .set FIRST, 8                   # sector of number 0
        .set SLOTS, 128                 # so many sectors; then the first is used again
        .set MAGIC, 0x544e5551          # "QUNT"
        .set number, 0x500              # the last one written
        .set born, 0x504
        .set packet, 0x510              # of int 13h, AH=42h and 43h
        .set mine, 0x8000               # the sector of `number`, as it is in RAM
        .set theirs, 0x8200             # the same, as it was read

        .globl _start
_start:
        guest_entry
        xor %eax, %eax
        mov %eax, number
        rdtsc
        mov %eax, born

        mov $SLOTS, %cx                 # which number is the greatest?
scan:
        mov %cx, %ax
        dec %ax
        call read_slot
        call is_valid
        jne 1f
        mov theirs + 4, %eax
        cmp number, %eax
        jbe 1f
        mov %eax, number
        mov $theirs, %si
        mov $mine, %di
        push %cx
        mov $128, %cx
        rep movsl
        pop %cx
1:      loop scan
        mov $boot_text, %si
        call say_number

step:
        mov $PM_STATUS, %dx
        in %dx, %ax
        test $(PM_POWER_BUTTON >> 8), %ah
        jnz power_off
        mov number, %eax
        test %eax, %eax
        jz 1f                           # none yet
        call read_slot
        mov $mine, %si
        mov $theirs, %di
        mov $128, %cx
        repe cmpsl
        jne disagree
1:
        mov number, %eax
        inc %eax
        mov $mine, %di
        mov $128, %cx
        rep stosl
        movl $MAGIC, mine
        mov %eax, mine + 4
        mov born, %edx
        mov %edx, mine + 8
        add %edx, %eax
        add $MAGIC, %eax
        mov %eax, mine + 12
        mov mine + 4, %eax
        call write_slot
        mov mine + 4, %eax
        mov %eax, number
        test $3, %al
        jnz step
        mov $number_text, %si
        call say_number
        hlt                             # until the 18 Hz timer
        jmp step

disagree:
        mov $disagree_text, %si
        call puts
        mov theirs + 4, %eax
        call say_hex
        movl $0x41534944, mine          # "DISA"
        xor %ebx, %ebx
        call write_sector
        mov $mine_text, %si
        call say_number
        mov $36, %cx
1:      hlt
        mov $PM_STATUS, %dx
        in %dx, %ax
        test $(PM_POWER_BUTTON >> 8), %ah
        jnz power_off
        loop 1b
        jmp disagree

is_valid:                               # "e" if `theirs` is a number with its checksum
        mov theirs, %eax
        cmp $MAGIC, %eax
        jne 1f
        add theirs + 4, %eax
        add theirs + 8, %eax
        cmp theirs + 12, %eax
1:      ret

read_slot:                              # number %eax's sector -> `theirs`; keeps %cx
        call sector_of
        mov $0x42, %ah
        mov $theirs, %bp
        jmp transfer
write_slot:
        call sector_of
write_sector:                           # %ebx <- `mine`
        mov $0x4300, %ax
        mov $mine, %bp
transfer:                               # again and again, as often as it fails
        pushal
        mov $packet, %si
        movl $0x10010, (%si)            # its size, one sector
        mov %bp, 4(%si)
        movw $0, 6(%si)
        mov %ebx, 8(%si)
        movl $0, 12(%si)
        mov $DISK, %dl
        int $0x13
        popal
        jc transfer
        ret
sector_of:                              # %eax -> %ebx
        mov %eax, %ebx
        and $(SLOTS - 1), %ebx
        add $FIRST, %bx
        ret

say_number:                             # %si, `number`
        call puts
        mov number, %eax
        call say_hex
        mov $newline, %si
        jmp puts
say_hex:                                # %eax
        mov $8, %cx
1:      rol $4, %eax
        push %eax
        and $15, %al
        cmp $10, %al
        jb 2f
        add $('a' - '0' - 10), %al
2:      add $'0', %al
        call putc
        pop %eax
        loop 1b
        ret

        guest_functions

boot_text: .asciz "BOOT "
number_text: .asciz "N "
disagree_text: .asciz "DISAGREE "
mine_text: .asciz " "
newline: .asciz "\r\n"

        guest_end
