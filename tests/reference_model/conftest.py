"""What the tests of training share: a small prepared corpus, made once."""

import made_corpus
import pytest

pytest.importorskip("torch")


@pytest.fixture(scope="session")
def prepared(tmp_path_factory):
    return made_corpus.prepared(tmp_path_factory.mktemp("reference-model"))
