from __future__ import annotations

from ringfence.config.faults import ConfigError, Fault, path_text


def test_path_text() -> None:
    assert path_text(()) == ""
    assert path_text(("trunks", 2, "numbers", 0)) == "trunks[2].numbers[0]"
    assert path_text((0, "a")) == "[0].a"


def test_a_fault_reads_as_editors_jump() -> None:
    assert str(Fault("c.yaml", 12, "trunks[2].name", "missing")) == "c.yaml:12: trunks[2].name: missing"
    assert str(Fault("c.yaml", 0, "", "cannot be read")) == "c.yaml: cannot be read"
    assert repr(Fault("c.yaml", 3, "", "x")) == "Fault('c.yaml:3: x')"


def test_faults_compare_by_what_they_say() -> None:
    assert Fault("f", 1, "a", "x") == Fault("f", 1, "a", "x")
    assert Fault("f", 1, "a", "x") != Fault("f", 2, "a", "x")
    assert len({Fault("f", 1, "a", "x"), Fault("f", 1, "a", "x")}) == 1


def test_an_error_lists_its_faults_in_file_order() -> None:
    error = ConfigError([Fault("f", 9, "b", "x"), Fault("f", 2, "c", "y"), Fault("e", 5, "", "z")])
    assert str(error) == "e:5: z\nf:2: c: y\nf:9: b: x"
