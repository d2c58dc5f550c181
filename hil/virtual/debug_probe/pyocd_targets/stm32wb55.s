@ Flash algorithm of the STM32WB55, run by pyOCD in the chip's RAM.
@
@ Build (LLVM 14 or later; the words go into stm32wb55.py, a test compares them):
@   llvm-mc -triple=thumbv7em-none-eabi -filetype=obj stm32wb55.s -o algorithm.o
@   llvm-objcopy -O binary -j .text algorithm.o algorithm.bin
@
@ Every routine gives 0 in r0, or the error bits of FLASH_SR (RM0434, 3.10).

        .syntax unified
        .thumb
        .text

        .equ    FLASH,          0x58004000
        .equ    KEYR,           0x08
        .equ    SR,             0x10
        .equ    CR,             0x14
        .equ    SR_ERRORS,      0x03fa      @ OPERR PROGERR WRPERR PGAERR SIZERR PGSERR MISERR FASTERR
        .equ    SR_BUSY,        0x00050000  @ BSY, CFGBSY
        .equ    CR_PG,          1
        .equ    CR_PER,         2
        .equ    CR_MER,         4
        .equ    CR_STRT,        0x00010000
        .equ    CR_LOCK,        0x80000000
        .equ    PAGE_SHIFT,     12

halt:   bkpt    #0                          @ where every routine returns to
        nop

init:                                       @ (address, clock, function)
        ldr     r3, =FLASH
        ldr     r0, [r3, #CR]
        cmp     r0, #0
        bge     clear                       @ bit 31, LOCK, is clear: the keys would be one too many
        ldr     r0, =0x45670123
        str     r0, [r3, #KEYR]
        ldr     r0, =0xcdef89ab
        str     r0, [r3, #KEYR]
clear:  movw    r0, #SR_ERRORS
        str     r0, [r3, #SR]
        ldr     r0, [r3, #CR]
        lsrs    r0, r0, #31                 @ 1 if it would not unlock
        bx      lr

uninit:                                     @ (function)
        ldr     r3, =FLASH
        mov     r0, #CR_LOCK
        str     r0, [r3, #CR]
        movs    r0, #0
        bx      lr

erase_all:
        movs    r1, #CR_MER
        b       erase

erase_sector:                               @ (address)
        ubfx    r1, r0, #PAGE_SHIFT, #8
        lsls    r1, r1, #3                  @ PNB
        adds    r1, #CR_PER
erase:  push    {r4, lr}
        ldr     r3, =FLASH
        str     r1, [r3, #CR]
        orr     r1, r1, #CR_STRT
        str     r1, [r3, #CR]
        bl      wait
        movs    r1, #0
        str     r1, [r3, #CR]
        pop     {r4, pc}

program_page:                               @ (address, size, data)
        push    {r4, r5, r6, r7, lr}
        mov     r7, r0
        adds    r4, r1, #7
        lsrs    r4, r4, #3                  @ double words
        ldr     r3, =FLASH
        movs    r1, #CR_PG
        str     r1, [r3, #CR]
next:   ldmia   r2!, {r5, r6}
        str     r5, [r7]
        str     r6, [r7, #4]
        adds    r7, #8
        bl      wait
        cbnz    r0, done
        subs    r4, #1
        bne     next
done:   movs    r1, #0
        str     r1, [r3, #CR]
        pop     {r4, r5, r6, r7, pc}

wait:   ldr     r0, [r3, #SR]               @ r3: FLASH; changes r0 and r1
        tst     r0, #SR_BUSY
        bne     wait
        movw    r1, #SR_ERRORS
        ands    r0, r1
        bx      lr

        .ltorg
