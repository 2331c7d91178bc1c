"""Makes a task of a text in WikiText's form: which of four sentences comes next?

    python continuations.py wikitext-2/test.txt wikitext-2/continuations.jsonl

The context is the end of a paragraph's beginning, the right answer the sentence that follows, the wrong ones sentences from other articles
of nearly the same length. Everything is drawn with one seed, so that the same text gives the same task.
"""

import argparse
import json
import pathlib
import random
import re

CONTEXT_BYTES = 60
ANSWER_BYTES = (20, 64)
NEARNESS = 4
"""How many bytes longer or shorter a wrong answer may be."""


def articles(text: str) -> list[list[list[str]]]:
    """Paragraphs of each article, as their sentences; each but the first has a space before it."""
    found: list[list[list[str]]] = []
    for line in text.splitlines():
        if re.match(r"^ = [^=].* = $", line):
            found.append([])
        elif found and line.strip() and not line.startswith(" ="):
            found[-1].append(re.split(r"(?<= [.])(?= )", line.rstrip()))
    return found


def examples(text: str, count: int, seed: int) -> list[dict]:
    draw = random.Random(seed)
    places, pool = [], []
    for number, article in enumerate(articles(text)):
        for sentences in article:
            for index, sentence in enumerate(sentences[1:], 1):
                if ANSWER_BYTES[0] <= len(sentence.encode()) <= ANSWER_BYTES[1]:
                    pool.append((number, sentence))
                    before = "".join(sentences[:index]).encode()
                    if len(before) >= CONTEXT_BYTES:
                        # From the first whole word on.
                        context = before[-CONTEXT_BYTES:].decode(errors="ignore").partition(" ")[2]
                        places.append((number, context, sentence))
    draw.shuffle(places)
    made = []
    for number, context, right in places:
        near = [
            sentence
            for other, sentence in pool
            if other != number and abs(len(sentence.encode()) - len(right.encode())) <= NEARNESS and sentence != right
        ]
        if len(near) < 3:
            continue
        choices = [right, *draw.sample(near, 3)]
        draw.shuffle(choices)
        made.append({"id": str(len(made)), "context": context, "choices": choices, "label": choices.index(right)})
        if len(made) == count:
            break
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    words = parser.parse_args()
    made = examples(words.text.read_text(encoding="utf-8"), words.count, words.seed)
    words.out.write_text("".join(json.dumps(example, ensure_ascii=False) + "\n" for example in made), encoding="utf-8")
    print(f"{len(made)} examples written to {words.out}")


if __name__ == "__main__":
    main()
