"""Every type of the table language against asn1tools, on modules made of the tables themselves."""

import pytest
from hypothesis import given
from v2x_judge import MANY, agree, agree_official, pycrate_of, values
from v2x_tables import BY_PYCRATE, TYPES


@pytest.mark.parametrize("name", TYPES)
def test_a_type_as_the_judge(name):
    @MANY
    @given(values(TYPES[name]))
    def judged(value):
        agree(TYPES[name], value)

    judged()


@pytest.mark.parametrize("name", BY_PYCRATE)
def test_a_type_as_pycrate(name):
    pytest.importorskip("pycrate_asn1c")
    kind = BY_PYCRATE[name]

    @MANY
    @given(values(kind))
    def judged(value):
        agree_official(kind, value, pycrate_of(kind))

    judged()
