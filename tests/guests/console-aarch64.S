// SPDX-License-Identifier: MIT
//
// The smallest guest for `-M virt`: a banner, an echo of what is typed, and power off by
// PSCI when a line is "off". Position independent; loaded by -kernel as a flat binary.

        .set UART, 0x09000000           // PL011
        .set UART_DR, 0x00
        .set UART_FR, 0x18
        .set UART_IMSC, 0x38
        .set GICD, 0x08000000           // GICv2
        .set GICC, 0x08010000
        .set PSCI_SYSTEM_OFF, 0x84000008

        .text
        .globl _start
_start:
        ldr x19, =UART
        adr x20, idle_busy
        // A GICv3 has no registers where GICv2 has them: then poll without sleeping.
        mrs x0, id_aa64pfr0_el1
        ubfx x0, x0, #24, #4
        cbnz x0, 1f
        adr x20, idle_wfi
        // Interrupt 33, the UART's, pending for this CPU is enough to end a `wfi`.
        ldr x1, =GICD
        mov w0, #1
        str w0, [x1]
        mov w0, #2
        str w0, [x1, #0x104]
        mov w0, #1
        add x2, x1, #0x800
        strb w0, [x2, #33]
        ldr x1, =GICC
        mov w0, #0xff
        str w0, [x1, #4]
        mov w0, #1
        str w0, [x1]
        mov w0, #0x10
        str w0, [x19, #UART_IMSC]
1:
        adr x0, banner
        bl puts
prompt:
        adr x0, prompt_text
        bl puts
        mov x21, #0                     // the last three characters of the line
next:
        bl getc
        cmp w0, #'\r'
        ccmp w0, #'\n', #4, ne
        b.eq end_of_line
        lsl x21, x21, #8
        orr x21, x21, x0
        bl putc
        b next
end_of_line:
        adr x0, newline
        bl puts
        ldr x0, =(('o' << 16) | ('f' << 8) | 'f')
        cmp x21, x0
        b.ne prompt
        ldr x0, =PSCI_SYSTEM_OFF
        hvc #0
        b .

putc:                                   // w0
        ldr w1, [x19, #UART_FR]
        tbnz w1, #5, putc
        str w0, [x19, #UART_DR]
        ret

puts:                                   // x0: a text that ends in 0
        mov x2, x30
        mov x3, x0
1:      ldrb w0, [x3], #1
        cbz w0, 2f
        bl putc
        b 1b
2:      ret x2

getc:                                   // -> w0
        ldr w1, [x19, #UART_FR]
        tbz w1, #4, 1f
        br x20
1:      ldr w0, [x19, #UART_DR]
        and w0, w0, #0xff
        ret
idle_wfi:
        wfi
        b getc
idle_busy:
        yield
        b getc

banner: .asciz "qemunit guest ready\r\n"
prompt_text: .asciz "> "
newline: .asciz "\r\n"
