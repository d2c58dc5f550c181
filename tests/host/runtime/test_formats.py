"""Each kind of file gives the bytes that its format says, and damage is told from content."""

import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eegrig.boards.errors import ConfigError
from eegrig.host.runtime.contents import Segment, content_hash, joined, leaves_out
from eegrig.host.runtime.dfu_file import read_dfu
from eegrig.host.runtime.elf_file import Symbol, read_elf, read_symbols
from eegrig.host.runtime.formats import SUFFIXES, read_segments
from tests.host.fake_runtime import STM32, dfu_bytes, elf_bytes, runtime_bytes, write_runtime

CODE = runtime_bytes()


# ---- contents


def test_the_same_contents_have_the_same_hash_whatever_the_file(tmp_path):
    hashes = set()
    for suffix in SUFFIXES:
        path = write_runtime(tmp_path / f"x{suffix}", CODE[:-3])  # no whole doublewords
        hashes.add(content_hash(read_segments(path, STM32)))
    assert len(hashes) == 1


def test_a_byte_or_an_address_makes_another_hash():
    one = content_hash([Segment(STM32, CODE)])
    assert one != content_hash([Segment(STM32, CODE[:-1] + b"\x02")])
    assert one != content_hash([Segment(STM32 + 8, CODE)])
    assert one != content_hash([Segment(STM32, CODE), Segment(0x1000_1000, b"1")])


def test_pieces_become_one_where_they_touch_or_nearly():
    pieces = [Segment(0x110, b"cd"), Segment(0x100, b"ab"), Segment(0x9000, b"e"), Segment(5, b"")]
    assert joined(pieces) == [Segment(0x100, b"ab" + bytes(14) + b"cd"), Segment(0x9000, b"e")]


def test_contents_that_lack_a_section_are_known_from_those_that_have_it():
    whole = [Segment(0, b"1234567890")]
    lacking = [Segment(0, b"123\0\0" + b"67890")]
    assert leaves_out(lacking, whole)
    assert not leaves_out(whole, lacking)
    assert not leaves_out(whole, whole)
    assert not leaves_out([Segment(0, b"12x\0\0" + b"67890")], whole)
    assert not leaves_out([Segment(4, lacking[0].data)], whole)
    assert not leaves_out([Segment(0, bytes(2000))], [Segment(0, b"1" * 2000)])


# ---- DfuSe


def test_a_dfuse_file_gives_its_elements():
    parts = [(0x0800_0000, b"12345678"), (0x0900_0000, b"abc")]
    assert read_dfu(dfu_bytes(parts)) == [Segment(at, data) for at, data in parts]


def test_a_dfuse_file_with_a_wrong_crc_is_refused():
    with pytest.raises(ConfigError, match=r"damaged: its CRC is 0x12345678, .* download it again"):
        read_dfu(dfu_bytes([(STM32, b"12345678")], crc=0x1234_5678))


@settings(max_examples=50)
@given(at=st.integers(0, 400), flip=st.integers(1, 255))
def test_no_byte_of_a_dfuse_file_can_change_unnoticed(at, flip):
    content = bytearray(dfu_bytes([(STM32, bytes(range(100)))]))
    content[at % len(content)] ^= flip
    with pytest.raises(ConfigError):
        read_dfu(bytes(content))


@settings(max_examples=30)
@given(cut=st.integers(1, 401))
def test_a_dfuse_file_that_was_cut_off_is_refused(cut):
    content = dfu_bytes([(STM32, bytes(range(100)))])
    with pytest.raises(ConfigError, match=r"cut off|no DfuSe"):
        read_dfu(content[:-cut])


def test_a_dfuse_file_that_promises_more_than_it_has_is_refused():
    import struct
    import zlib

    content = bytearray(dfu_bytes([(STM32, b"12345678")]))
    struct.pack_into("<I", content, 11 + 274 + 4, 9)  # the size of the element
    content[-4:] = struct.pack("<I", zlib.crc32(content[:-4]) ^ 0xFFFF_FFFF)
    with pytest.raises(ConfigError, match="beyond its end"):
        read_dfu(bytes(content))


# ---- ELF


def test_an_elf_file_gives_what_is_loaded_at_the_addresses_it_is_loaded_to():
    parts = [(0x0800_0000, b"vectors!"), (0x0800_0008, b"code")]
    assert read_elf(elf_bytes(parts)) == [Segment(at, data) for at, data in parts]


def test_functions_of_an_elf_file_are_known_by_address():
    content = elf_bytes([(STM32, b"x")], [(0x0800_0200, 8, "main"), (0x0800_0100, 4, "reset")])
    assert read_symbols(content) == [
        Symbol(0x0800_0100, 4, "reset"),
        Symbol(0x0800_0200, 8, "main"),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x7fELF", "no ELF file"),
        (b"MZ" + bytes(100), "no ELF file"),
        (b"\x7fELF\2\1\1" + bytes(100), "no 32-bit Arm core"),
        (elf_bytes([(STM32, b"x" * 100)])[:150], "cut off"),
        (elf_bytes([(STM32, b"x" * 100)])[:60], "cut off"),
    ],
)
def test_what_is_no_whole_elf_file_is_refused(content, message):
    with pytest.raises(ConfigError, match=message):
        read_elf(content)


def test_symbols_of_an_elf_file_that_was_cut_off_are_an_error():
    with pytest.raises(ConfigError, match="cut off"):
        read_symbols(elf_bytes([(STM32, b"x")], [(STM32, 4, "reset")])[:-50])


@pytest.mark.skipif(not shutil.which("arm-none-eabi-gcc"), reason="there is no Arm compiler")
def test_an_elf_file_of_gcc_reads_as_objcopy_reads_it(tmp_path):
    (tmp_path / "x.c").write_text(
        "int table[2] = {1, 2}; int bss;\n"
        "__attribute__((noinline)) int other(void) { return table[bss]; }\n"
        "int _start(void) { return other() + 1; }\n"
    )
    options = ["-nostdlib", "-mcpu=cortex-m4", "-mthumb", "-Os", "-Wl,-Ttext=0x08000000"]
    elf, flat = tmp_path / "x.elf", tmp_path / "x.hex"
    subprocess.run(
        ["arm-none-eabi-gcc", *options, "-o", elf, tmp_path / "x.c"], check=True, cwd=tmp_path
    )
    subprocess.run(["arm-none-eabi-objcopy", "-O", "ihex", elf, flat], check=True)
    assert read_segments(elf, STM32) == read_segments(flat, STM32)
    assert {"other", "_start"} <= {symbol.name for symbol in read_symbols(elf.read_bytes())}


# ---- Intel hex, and files that are something else


def test_a_hex_file_that_was_cut_off_between_records_is_refused(tmp_path):
    path = write_runtime(tmp_path / "x.hex", CODE)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:100]))
    with pytest.raises(ConfigError, match=r"x\.hex is cut off, it has no last record"):
        read_segments(path, STM32)


def test_a_hex_file_that_was_cut_off_in_a_record_is_refused(tmp_path):
    path = write_runtime(tmp_path / "x.hex", CODE)
    path.write_text(path.read_text()[:3001])
    with pytest.raises(ConfigError, match=r"x\.hex is no Intel hex file, or damaged: .* again"):
        read_segments(path, STM32)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.hex", b"\xff\xfe\n", "no Intel hex file"),
        ("x.hex", b":00000001FF\n", "is empty"),
        ("x.bin", b"", "is empty"),
        ("x.elf", elf_bytes([]), "is empty"),
        ("x.dfu", b"\x00" * 1000, "no DfuSe file"),
        ("x.uf2", b"UF2\n", r"a \.uf2 is for chips whose boot loader looks like a disk"),
        ("x.zip", b"PK", r"a runtime is a \.hex, \.bin, \.dfu or \.elf file"),
    ],
)
def test_what_is_no_runtime_is_refused(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=message) as caught:
        read_segments(path, STM32)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
