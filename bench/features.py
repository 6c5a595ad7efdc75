"""Set the model with features beside votes alone, on real votes with texts and on noise.

    python bench/features.py --items items.jsonl [--out bench/results/features.json]

Each line of the file has `text`, `gold` (class position) and `votes` (class positions, -1 to
abstain). Features are TF-IDF in 100 dimensions; the noise is normal, and can teach nothing.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import sklearn
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer

from labelmodel import FeaturedModel, LabelModel


def main() -> None:
    """Score, print, write."""
    a = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    a.add_argument("--items", type=Path, required=True)
    a.add_argument("--out", type=Path, default=Path("bench/results/features.json"))
    o = a.parse_args()
    items = [json.loads(line) for line in o.items.read_text().splitlines()]
    votes = np.array([item["votes"] for item in items])
    gold = np.array([item["gold"] for item in items])
    k = int(gold.max()) + 1
    tfidf = TfidfVectorizer(sublinear_tf=True).fit_transform([item["text"] for item in items])
    text = TruncatedSVD(100, random_state=0).fit_transform(tfidf)
    noise = np.random.default_rng(0).normal(size=text.shape)
    voted = (votes >= 0).any(axis=1)
    alone = LabelModel(k).fit(votes).predict(votes)
    result = {"votes": scores(alone, gold, voted)}
    for name, features in (("text", text), ("noise", noise)):
        model = FeaturedModel(k).fit(votes, features)
        found = scores(model.predict(votes, features), gold, voted)
        result[name] = {**found, "trust": model.trust_}
    result["versions"] = {"numpy": np.__version__, "scikit-learn": sklearn.__version__}
    o.out.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def scores(top: np.ndarray, gold: np.ndarray, voted: np.ndarray) -> dict[str, float]:
    """Take accuracy on all items, those with votes and those without."""
    right = top == gold
    return {"all": right.mean(), "voted": right[voted].mean(), "silent": right[~voted].mean()}


if __name__ == "__main__":
    main()
