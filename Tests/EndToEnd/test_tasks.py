"""Tasks in the layouts in which they are distributed: prompts, scores and choices against Transformers' in float64, and what is refused."""

import csv
import io
import json
import pathlib
import shutil

import numpy
import pytest
from conftest import ROOT, flags, refuses, succeeds

TASKS = ROOT / "Tests/golden/tasks"
MODEL = TASKS / "model"
EXPECTED = json.loads((TASKS / "expected.json").read_text())
FILES = {
    "hellaswag": "hellaswag.jsonl", "piqa": "piqa.jsonl,piqa-labels.lst", "winogrande": "winogrande.jsonl",
    "openbookqa": "openbookqa.jsonl", "storycloze": "storycloze.csv", "lambada": "lambada.jsonl",
    "multiple-choice": "multiple-choice.jsonl",
}  # fmt: skip
SCORINGS = ["sum", "per-token", "per-byte", "unconditional"]
USUAL = {"openbookqa": "unconditional", "winogrande": "sum"}


def argument(task: str) -> str:
    return f"--task={task}=" + ",".join(str(TASKS / name) for name in FILES[task].split(","))


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def examples(folder: pathlib.Path, *words: object) -> list[dict[str, str]]:
    succeeds("evaluate", MODEL, *words, "--out=out", "--overwrite", cwd=folder)
    return rows((folder / "out/examples.csv").read_text())


@pytest.mark.parametrize("task", FILES)
def test_answers_have_the_likelihoods_that_transformers_gives_them(task, tmp_path):
    found = examples(tmp_path, argument(task))
    place = 0
    for expected in EXPECTED[task]:
        for number, choice in enumerate(expected["choices"]):
            row = found[place]
            assert (row["example"], int(row["answer"])) == (expected["id"], number)
            assert row["label"] == ("" if expected["label"] is None else str(expected["label"]))
            assert int(row["tokens"]) == choice["tokens"]
            if choice["tokens"] == 0:
                assert row["log_likelihood"] == row["unconditional"] == ""
            else:
                assert float(row["log_likelihood"]) == pytest.approx(choice["sum"], abs=1e-5 * choice["tokens"])
                assert row["greedy"] == str(int(choice["greedy"]))
                if row["unconditional"]:
                    assert float(row["unconditional"]) == pytest.approx(choice["alone"], abs=1e-5 * choice["tokens"])
            place += 1
    assert place == len(found)


@pytest.mark.parametrize("task", [task for task in FILES if task not in ("lambada", "winogrande")])
@pytest.mark.parametrize("scoring", SCORINGS)
def test_the_choice_of_each_scoring(task, scoring, tmp_path):
    found = examples(tmp_path, argument(task), f"--scoring={scoring}")
    chosen = {row["example"]: int(row["chosen"]) for row in found}
    assert chosen == {expected["id"]: expected["chosen"][scoring] for expected in EXPECTED[task]}
    table = rows((tmp_path / "out/scorings.csv").read_text())
    answered = [expected for expected in EXPECTED[task] if expected["label"] is not None]
    for row in table:
        right = sum(expected["chosen"][row["scoring"]] == expected["label"] for expected in answered)
        assert float(row["accuracy"]) == pytest.approx(100 * right / len(answered)) and int(row["examples"]) == len(answered)
        assert (row["usual"] == "yes") == (row["scoring"] == USUAL.get(task, "per-token"))


def test_all_tasks_of_two_models_are_one_table(tmp_path):
    shutil.copytree(MODEL, tmp_path / "copy")
    words = [argument(task) for task in FILES]
    text = succeeds("evaluate", MODEL, "copy", *words, "--out=out", "--svg=tasks.svg", cwd=tmp_path).stdout
    for title in ("HellaSwag", "PIQA", "WinoGrande", "OpenBookQA", "StoryCloze", "LAMBADA", "multiple-choice", "average"):
        assert title in text
    assert "without a label" in text and "nothing in it" in text
    first, second = rows((tmp_path / "out/tasks.csv").read_text())
    assert {**first, "checkpoint": ""} == {**second, "checkpoint": ""} and len(first) == 1 + 3 * 8
    shares = []
    for task in FILES:
        answered = [expected for expected in EXPECTED[task] if expected["label"] is not None]
        if task == "lambada":
            shares.append(numpy.mean([expected["choices"][0]["greedy"] for expected in answered]))
        else:
            scoring = USUAL.get(task, "per-token")
            shares.append(numpy.mean([expected["chosen"][scoring] == expected["label"] for expected in answered]))
    assert [float(first[f"task_{i + 1}"]) for i in range(7)] == pytest.approx([100 * share for share in shares])
    assert float(first["average"]) == pytest.approx(100 * numpy.mean(shares))
    differences = rows((tmp_path / "out/task-differences.csv").read_text())
    assert len(differences) == 8 and all(float(row["difference"]) == 0 for row in differences)
    lambada = next(row for row in rows((tmp_path / "out/scorings.csv").read_text()) if row["task"] == "LAMBADA")
    losses = [-expected["choices"][0]["sum"] for expected in EXPECTED["lambada"]]
    assert float(lambada["perplexity"]) == pytest.approx(numpy.exp(numpy.mean(losses)), rel=1e-4)
    assert (tmp_path / "tasks.svg").read_text().count("LAMBADA") >= 1


def test_the_interval_is_wilsons(tmp_path):
    tasks = [{"context": "a", "choices": ["b", "c"], "label": i % 2} for i in range(40)]
    (tmp_path / "own.jsonl").write_text("".join(json.dumps(task) + "\n" for task in tasks))
    succeeds("evaluate", MODEL, "--task=multiple-choice=own.jsonl", "--out=out", cwd=tmp_path)
    (row,) = rows((tmp_path / "out/tasks.csv").read_text())
    assert float(row["task_1"]) == 50
    # Wilson (1927): the shares p from which half of forty lie 1.96 of their own standard errors away.
    for end in ("_low", "_high"):
        share = float(row[f"task_1{end}"]) / 100
        assert abs(0.5 - share) == pytest.approx(1.959964 * (share * (1 - share) / 40) ** 0.5, rel=1e-6)


def test_plain_text_of_lambada_is_the_same(tmp_path):
    first = examples(tmp_path, argument("lambada"))
    second = examples(tmp_path, f"--task=lambada={TASKS / 'lambada.txt'}")
    assert first == second


def prompts(folder: pathlib.Path, *words: object) -> tuple[dict, list[dict]]:
    succeeds("evaluate", *words, "--prompts=prompts.jsonl", cwd=folder)
    header, *found = [json.loads(line) for line in (folder / "prompts.jsonl").read_text().splitlines()]
    return header, found


@pytest.mark.parametrize("task", FILES)
def test_prompts_as_text(task, tmp_path):
    header, found = prompts(tmp_path, argument(task))
    assert header["task"] == task and header["shots"] == 0
    assert [[(c["context"], c["completion"]) for c in prompt["choices"]] for prompt in found] == [
        [(c["context"], c["completion"]) for c in expected["choices"]] for expected in EXPECTED[task]
    ]
    # A file of prompts is a task's file too, for byte models.
    assert examples(tmp_path, "--task=prompts.jsonl") == examples(tmp_path, argument(task))


def test_shots_are_other_examples_with_their_answers(tmp_path):
    tasks = [{"id": f"q{i}", "context": f"What is {i}?", "choices": [f"No {i}", f"It is {i}"], "label": 1} for i in range(8)]
    tasks[3].pop("label")
    (tmp_path / "own.jsonl").write_text("".join(json.dumps(task) + "\n" for task in tasks))
    words = ["--task=multiple-choice=own.jsonl", "--shots=3"]
    header, found = prompts(tmp_path, *words)
    assert header["shots"] == 3
    drawn = set()
    for number, prompt in enumerate(found):
        *before, last = prompt["choices"][0]["context"].split("\n\n")
        assert last == f"What is {number}?" and len(set(before)) == 3
        assert all(text == f"What is {i}? It is {i}" for text in before for i in [text.split("is ")[-1]])
        numbers = {int(text.split("is ")[-1]) for text in before}
        assert number not in numbers and 3 not in numbers
        drawn |= numbers
        assert prompt["unconditional"] == "Answer:"
    assert drawn == set(range(8)) - {3}
    assert prompts(tmp_path, *words)[1] == found
    assert prompts(tmp_path, *words, "--shots-seed=1")[1] != found
    (tmp_path / "pool.jsonl").write_text("".join(json.dumps({**task, "context": "Pool:"}) + "\n" for task in tasks[4:7]))
    _, found = prompts(tmp_path, *words, "--shots-from=pool.jsonl")
    assert all(prompt["choices"][1]["context"].count("Pool: It is") == 3 for prompt in found)
    assert examples(tmp_path, *words)
    _, found = prompts(tmp_path, argument("lambada"), "--shots=1")
    assert found[0]["choices"][0]["context"].startswith("The rain fell all day.  The streets were full of ____. -> rain\n\nShe opened")
    assert found[0]["choices"][0]["context"].endswith("she said to ____. ->")


def test_long_contexts_lose_their_beginning_where_it_is_allowed(tmp_path):
    context = "word " * 100
    (tmp_path / "own.jsonl").write_text(json.dumps({"context": context, "choices": ["yes", "no, or so"], "label": 0}) + "\n")
    task = "--task=multiple-choice=own.jsonl"
    refuses("evaluate", MODEL, task, cwd=tmp_path, mentions=["own, example line 1", "50[0-9] tokens", "320", "--truncate"])
    cut = examples(tmp_path, task, "--truncate")
    for row, answer in zip(cut, [" yes", " no, or so"], strict=True):
        # What is left of the context: the model's 320 positions less the answer's bytes but the last.
        left = context.strip()[-(320 - len(answer) + 1) :]
        (tmp_path / "cut.jsonl").write_text(json.dumps({"context": left, "choices": [answer, "x"], "label": 0}) + "\n")
        again = examples(tmp_path, "--task=multiple-choice=cut.jsonl")[0]
        if not left.startswith(" "):
            assert float(row["log_likelihood"]) == pytest.approx(float(again["log_likelihood"]), abs=1e-4)


def test_a_context_with_nothing_in_it_needs_a_start_token(tmp_path):
    (tmp_path / "own.jsonl").write_text(json.dumps({"context": "", "choices": ["yes", "no"], "label": 0}) + "\n")
    task = "--task=multiple-choice=own.jsonl"
    refuses("evaluate", MODEL, task, cwd=tmp_path, mentions=["nothing in it", "--start-token"])
    one, two = (examples(tmp_path, task, f"--start-token={token}") for token in (1, 2))
    assert one != two


def test_tokens_of_another_tokenizer(tmp_path):
    header = {"nf_probe_task": 1, "kind": "tokens", "task": "piqa", "name": "PIQA", "shots": 0, "vocabulary_size": 19}
    choice = {"context": [1, 2, 3], "completion": [4, 5], "bytes": 2}
    lines = [header, {"id": "a", "label": 1, "choices": [choice, {**choice, "completion": [6]}], "unconditional": [7]}]
    (tmp_path / "tokens.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    small = ROOT / "Tests/golden/transformers/llama"
    succeeds("evaluate", small, "--task=tokens.jsonl", "--out=out", cwd=tmp_path)
    assert [row["tokens"] for row in rows((tmp_path / "out/examples.csv").read_text())] == ["2", "1"]
    lines[0] = {**header, "vocabulary_size": 20}
    (tmp_path / "other.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    refuses("evaluate", small, "--task=other.jsonl", cwd=tmp_path, mentions=["20 tokens", "has 19", "trained on others"])
    refuses("evaluate", small, argument("piqa"), cwd=tmp_path, mentions=["end at 18", "other tokens"])


def write(path: pathlib.Path, *lines: object) -> str:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path.name


HEADER = "InputStoryid,InputSentence1,InputSentence2,InputSentence3,InputSentence4,RandomFifthSentenceQuiz1,RandomFifthSentenceQuiz2,AnswerRightEnding"
HELLASWAG = {"ind": 1, "activity_label": "A", "ctx_a": "B", "ctx_b": "c", "endings": ["d", "e"], "label": 0}


@pytest.mark.parametrize(
    ("task", "lines", "mentions"),
    [
        ("piqa", [HELLASWAG], ["line 1", "no goal", "HellaSwag", "hellaswag="]),
        ("hellaswag", [{"goal": "a", "sol1": "b", "sol2": "c"}], ["no activity_label", "PIQA"]),
        ("openbookqa", [{"question": "what?"}], ["line 1", "no question with stem and choices"]),
        ("hellaswag", [HELLASWAG, {**HELLASWAG, "label": 2}], ["line 2", "label 2", "2 answers"]),
        ("hellaswag", [{**HELLASWAG, "label": "x"}], ["label x"]),
        ("hellaswag", [{**HELLASWAG, "endings": "d"}], ["endings is no list"]),
        ("winogrande", [{"sentence": "a b", "option1": "c", "option2": "d"}], ["0 blanks"]),
        ("winogrande", [{"sentence": "_ b", "option1": "c", "option2": "d", "answer": "3"}], ["label 3"]),
        ("winogrande", [{"sentence": "_ b", "option1": "c", "option2": "d", "answer": "0"}], ["label 0"]),
        ("lambada", ["oneword"], ["line 1", "several words"]),
        ("storycloze", [HEADER, "a,b,c,d,e,f,g"], ["line 2", "7 columns", "8"]),
        ("storycloze", [HEADER.replace("Quiz2", "Quiz3"), "a,b,c,d,e,f,g,1"], ["no RandomFifthSentenceQuiz2"]),
        ("storycloze", [HEADER, 'a,b,c,"d,e,f,g,1'], ["line 2", "quote"]),
        ("storycloze", [HEADER, "a,b,c,d,e,f,g,3"], ["label 3"]),
        ("multiple-choice", [{"context": "a", "choices": ["b"], "label": 0}], ["1 choices"]),
        ("multiple-choice", ["[1, 2]"], ["line 1", "no object of JSON"]),
        ("multiple-choice", [""], ["no examples"]),
        ("multiple-choice", [{"context": "a", "choices": ["", " "], "label": 0}], ["no answer with anything"]),
    ],
)
def test_files_that_are_no_such_task(task, lines, mentions, tmp_path):
    refuses("evaluate", MODEL, f"--task={task}={write(tmp_path / 'file', *lines)}", cwd=tmp_path, mentions=mentions)


@pytest.mark.parametrize(
    ("words", "mentions"),
    [
        (["MODEL", "--task=piqa=missing.jsonl"], ["missing.jsonl"]),
        (["MODEL", "--task=squad=piqa.jsonl"], ["squad", "hellaswag"]),
        (["MODEL", "--task=piqa.jsonl"], ["piqa.jsonl", "format in front"]),
        (["MODEL", "--task=piqa=piqa.jsonl,short.lst"], ["short.lst", "2 labels", "3 examples"]),
        (["MODEL", "--task=piqa=piqa.jsonl,far.lst"], ["label 2"]),
        (["MODEL", "--task=piqa=piqa.jsonl", "--shots=5"], ["0 examples with a label"]),
        (["MODEL", "--shots=5"], ["--shots", "--task"]),
        (["MODEL", "--task=piqa=piqa.jsonl", "--shots-from=piqa.jsonl"], ["--shots-from", "--shots"]),
        (["MODEL", "--task=piqa=piqa.jsonl", "--context=321"], ["--context 321", "320 positions"]),
        (["--task=piqa=piqa.jsonl"], ["checkpoint"]),
        (["MODEL", "--task=piqa=broken.bin"], ["broken.bin", "UTF-8"]),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_for(words, mentions, tmp_path):
    shutil.copy(TASKS / "piqa.jsonl", tmp_path)
    (tmp_path / "short.lst").write_text("0\n1\n")
    (tmp_path / "far.lst").write_text("0\n1\n2\n")
    (tmp_path / "broken.bin").write_bytes(b"\xff\xfe\x00")
    refuses("evaluate", *[MODEL if word == "MODEL" else word for word in words], cwd=tmp_path, mentions=mentions)


def test_text_and_tasks_together(tmp_path):
    (tmp_path / "text.txt").write_text("Some words to predict.\n" * 30)
    words = [argument("piqa"), "--text=text.txt", *flags(context=64, out="out")]
    text = succeeds("evaluate", MODEL, *words, cwd=tmp_path).stdout
    assert "Loss on text.txt" in text and "Accuracy" in text
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"text.csv", "tasks.csv", "context.svg", "tasks.svg"}
