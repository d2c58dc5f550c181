"""Thumb programs for tests of the core: assembly source, and what it assembles to.

The words were made with LLVM's assembler; a test assembles the sources again where there is one.
"""

from typing import NamedTuple


class Program(NamedTuple):
    """A piece of code."""

    source: str
    code: bytes


PROGRAMS = {
    "call_supervisor": Program(
        """
        movs r0, #1
        movs r1, #2
        movs r2, #3
        movs r3, #4
        svc #0
        adds r0, #16
        bkpt #0
        """,
        bytes.fromhex("012002210322042300df103000be"),
    ),
    "look_around": Program(
        """
        mrs r4, ipsr
        mov r5, lr
        mov r6, sp
        mrs r7, control
        movs r0, #0
        movs r1, #0
        bx lr
        """,
        bytes.fromhex("eff3058475466e46eff31487002000217047"),
    ),
    "on_process_stack": Program(
        """
        ldr r0, =0x20003000
        msr psp, r0
        movs r0, #2
        msr control, r0
        isb
        svc #0
        mov r0, sp
        bkpt #0
        .ltorg
        """,
        bytes.fromhex("054880f30988022080f31488bff36f8f00df684600be000000300020"),
    ),
    "without_privilege": Program(
        """
        movs r0, #1
        msr control, r0
        isb
        svc #0
        movs r0, #1
        msr primask, r0
        bkpt #0
        """,
        bytes.fromhex("012080f31488bff36f8f00df012080f3108800be"),
    ),
    "pend_itself": Program(
        """
        ldr r0, =0xE000ED04
        mov r1, #0x10000000
        movs r2, #0
        str r1, [r0]
        dsb
        isb
        mov r3, r2
        bkpt #0
        .ltorg
        """,
        bytes.fromhex("05484ff0805100220160bff34f8fbff36f8f134600be000004ed00e0"),
    ),
    "count_r2_in_memory": Program(
        """
        ldr r0, =0x20002000
        ldr r1, [r0]
        adds r1, #1
        str r1, [r0]
        bx lr
        .ltorg
        """,
        bytes.fromhex("4ff020200168013101607047"),
    ),
    "three_ticks": Program(
        """
            ldr r0, =0xE000E010
            ldr r1, =999
            str r1, [r0, #4]
            movs r1, #0
            str r1, [r0, #8]
            movs r1, #7
            str r1, [r0]
            ldr r2, =0x20002000
        wait:
            ldr r3, [r2]
            cmp r3, #3
            bne wait
            bkpt #0
            .ltorg
        """,
        bytes.fromhex("064840f2e731416000218160072101604ff020221368032bfcd100be10e000e0"),
    ),
    "sleep_until_ticks": Program(
        """
            ldr r0, =0xE000E010
            ldr r1, =999999
            str r1, [r0, #4]
            movs r1, #0
            str r1, [r0, #8]
            movs r1, #7
            str r1, [r0]
            ldr r2, =0x20002000
        wait:
            wfi
            ldr r3, [r2]
            cmp r3, #3
            bne wait
            bkpt #0
            .ltorg
        """,
        bytes.fromhex("06480749416000218160072101604ff0202230bf1368032bfbd100be10e000e03f420f00"),
    ),
    "sleep": Program(
        """
        wfi
        movs r0, #7
        bkpt #0
        """,
        bytes.fromhex("30bf072000be"),
    ),
    "interrupt_5": Program(
        """
        ldr r0, =0xE000E100
        movs r1, #0x20
        cpsid i
        str r1, [r0]
        ldr r2, =0xE000E405
        movs r3, #0xC0
        strb r3, [r2]
        ldr r2, =0xE000E200
        str r1, [r2]
        movs r4, #0
        nop
        mov r7, r4
        cpsie i
        isb
        mov r6, r4
        bkpt #0
        .ltorg
        """,
        bytes.fromhex(
            "0848202172b60160074ac0231370074a1160002400bf274662b6bff36f8f264600be0000"
            "00e100e005e400e000e200e0"
        ),
    ),
    "raise_2_inside_1": Program(
        """
        ldr r0, =0xE000E200
        movs r1, #4
        movs r2, #1
        str r1, [r0]
        dsb
        isb
        lsls r3, r3, #4
        adds r3, r3, r2
        bx lr
        .ltorg
        """,
        bytes.fromhex("0548042101220160bff34f8fbff36f8f1b019b187047000000e200e0"),
    ),
    "note_2": Program(
        """
        movs r1, #2
        ldr r2, [sp, #12]
        lsls r2, r2, #4
        adds r2, r2, r1
        str r2, [sp, #12]
        bx lr
        """,
        bytes.fromhex("0221039a1201521803927047"),
    ),
    "nest": Program(
        """
        ldr r0, =0xE000E400
        ldr r1, =0x00408000
        str r1, [r0]
        ldr r0, =0xE000E100
        movs r1, #6
        str r1, [r0]
        movs r3, #0
        ldr r0, =0xE000E200
        movs r1, #2
        str r1, [r0]
        dsb
        isb
        bkpt #0
        .ltorg
        """,
        bytes.fromhex(
            "07484ff4810101600648062101600023054802210160bff34f8fbff36f8f00be00e400e0"
            "00e100e000e200e0"
        ),
    ),
    "masked_by_basepri": Program(
        """
        ldr r0, =0xE000E400
        ldr r1, =0x00408000
        str r1, [r0]
        ldr r0, =0xE000E100
        movs r1, #6
        str r1, [r0]
        movs r3, #0
        movs r2, #0x80
        msr basepri, r2
        ldr r0, =0xE000E200
        movs r1, #6
        str r1, [r0]
        dsb
        isb
        mov r7, r3
        movs r2, #0
        msr basepri, r2
        isb
        bkpt #0
        .ltorg
        """,
        bytes.fromhex(
            "0c484ff4810101600b48062101600023802282f31188094806210160bff34f8fbff36f8f"
            "1f46002282f31188bff36f8f00be000000e400e000e100e000e200e0"
        ),
    ),
    "note_1": Program(
        """
        movs r1, #1
        ldr r2, [sp, #12]
        lsls r2, r2, #4
        adds r2, r2, r1
        str r2, [sp, #12]
        bx lr
        """,
        bytes.fromhex("0121039a1201521803927047"),
    ),
    "undefined": Program(
        """
        nop
        udf #0
        movs r0, #9
        bkpt #0
        """,
        bytes.fromhex("00bf00de092000be"),
    ),
    "skip_it": Program(
        """
        ldr r1, [sp, #24]
        mrs r4, ipsr
        mov r5, r1
        adds r1, #2
        str r1, [sp, #24]
        bx lr
        """,
        bytes.fromhex("0699eff305840d46023106917047"),
    ),
    "load_from_nowhere": Program(
        """
        mov r1, #0x60000000
        ldr r0, [r1]
        movs r0, #9
        bkpt #0
        """,
        bytes.fromhex("4ff0c0410868092000be"),
    ),
    "use_floats": Program(
        """
        vmov.f32 s0, #1.0
        vmov.f32 s1, #2.0
        svc #0
        vadd.f32 s2, s0, s1
        vmov r0, s2
        bkpt #0
        """,
        bytes.fromhex("b7ee000af0ee000a00df30ee201a11ee100a00be"),
    ),
    "spoil_floats": Program(
        """
        mov r5, lr
        mov r6, sp
        vmov.f32 s0, #0.5
        vmov.f32 s15, #0.5
        bx lr
        """,
        bytes.fromhex("75466e46b6ee000af6ee007a7047"),
    ),
    "bad_return": Program(
        """
        ldr r0, =0xFFFFFFF5
        bx r0
        .ltorg
        """,
        bytes.fromhex("6ff00a000047"),
    ),
    "stop": Program(
        """
        bkpt #0
        """,
        bytes.fromhex("00be"),
    ),
    "load_over_its_address": Program(
        """
        ldr r0, [r0]
        nop
        bkpt #0
        """,
        bytes.fromhex("006800bf00be"),
    ),
    "pull_and_push": Program(
        """
        ldmia r0!, {r1, r2}
        nop
        bkpt #0
        """,
        bytes.fromhex("06c800bf00be"),
    ),
    "wait_for_event": Program(
        """
        wfe
        yield
        sev
        movs r0, #5
        bkpt #0
        """,
        bytes.fromhex("20bf10bf40bf052000be"),
    ),
    "mask_faults": Program(
        """
        cpsid f
        bx lr
        """,
        bytes.fromhex("71b67047"),
    ),
    "round_down": Program(
        """
        mov r0, #0x800000
        vmsr fpscr, r0
        svc #0
        vmrs r1, fpscr
        bkpt #0
        """,
        bytes.fromhex("4ff40000e1ee100a00dff1ee101a00be"),
    ),
    "round_up": Program(
        """
        vmov.f32 s0, #0.5
        mov r0, #0x400000
        vmsr fpscr, r0
        bx lr
        """,
        bytes.fromhex("b6ee000a4ff48000e1ee100a7047"),
    ),
    "add_bytes": Program(
        """
        ldr r0, =0x01FF01FF
        uadd8 r1, r0, r0
        svc #0
        mrs r6, apsr
        bkpt #0
        .ltorg
        """,
        bytes.fromhex("6ff0fe2080fa40f100dfeff3008600be"),
    ),
    "add_other_bytes": Program(
        """
        ldr r0, =0xFF01FF01
        uadd8 r1, r0, r0
        mrs r7, apsr
        bx lr
        .ltorg
        """,
        bytes.fromhex("6ff0fe1080fa40f1eff300877047"),
    ),
    "two_tasks": Program(
        """
            .equ COUNTS, 0x20002000
            .equ TASKS, 0x20002010     @ stack pointers of the tasks, and which one runs
        vectors:
            .word 0x20004000, start - vectors + 1
            .rept 5
            .word hang - vectors + 1
            .endr
            .word 0, 0, 0, 0, hang - vectors + 1, hang - vectors + 1
            .word 0, switch - vectors + 1, tick - vectors + 1
        start:
            ldr r0, =TASKS
            ldr r1, =0x20003000 - 64    @ task B's stack, as if it had been interrupted
            str r1, [r0, #4]
            movs r2, #0
            str r2, [r0, #8]
            ldr r3, =task_b - vectors
            str r3, [r1, #56]           @ return address
            mov r3, #0x01000000
            str r3, [r1, #60]           @ xPSR
            ldr r2, =0x20003800
            msr psp, r2
            ldr r0, =0xE000ED20
            ldr r1, =0x00FF0000         @ PendSV: lowest priority
            str r1, [r0]
            ldr r0, =0xE000E010
            ldr r1, =4999
            str r1, [r0, #4]
            movs r1, #7
            str r1, [r0]
            movs r0, #2
            msr control, r0
            isb
            ldr r4, =COUNTS
            movs r5, #100
        task_a:
            adds r5, #1
            str r5, [r4]
            b task_a
        task_b:
            ldr r4, =COUNTS + 4
            movs r5, #0
        again:
            adds r5, #2
            str r5, [r4]
            b again
        tick:
            ldr r0, =0xE000ED04
            mov r1, #0x10000000         @ PENDSVSET
            str r1, [r0]
            bx lr
        switch:
            ldr r2, =TASKS
            mrs r0, psp
            stmdb r0!, {r4-r11}
            ldr r1, [r2, #8]
            str r0, [r2, r1]
            movs r3, #4
            eors r1, r3
            str r1, [r2, #8]
            ldr r0, [r2, r1]
            ldmia r0!, {r4-r11}
            msr psp, r0
            bx lr
        hang:
            b hang
            .ltorg
        """,
        bytes.fromhex(
            "0040002041000000b9000000b9000000b9000000b9000000b90000000000000000000000"
            "0000000000000000b9000000b900000000000000990000008f0000001e481f4941600022"
            "82601e4b8b634ff08073cb631c4a82f309881c484ff47f0101601b4841f2873141600721"
            "0160022080f31488bff36f8f4ff02024642501352560fce7134c002502352560fce71248"
            "4ff0805101607047084aeff3098020e9f00f916850500423594091605058b0e8f00f80f3"
            "09887047fee7000010200020c02f0020840000000038002020ed00e010e000e004200020"
            "04ed00e0"
        ),
    ),
}
