# SPDX-License-Identifier: MIT
#
# Counts the results in a log of GoogleTest, or with ctest=1 in one of "ctest -V", whose programs run at the same time, each
# line behind a number and a colon. Prints what the tests that failed said, and at last "OK FAILED SKIPPED". status: what the
# program, or ctest, ended with. failed_tests: a file that gets the name of each test that failed, a tab, and the first that it
# said, in one line. Called by tools/test.

{
    line = $0
    key = ""
    if (ctest && match($0, /^[0-9]+: /)) {
        key = $1 + 0
        $0 = substr($0, RLENGTH + 1)
    }
}

# A test may show what a test program that it ran has said: what begins before the test has ended is not counted.
/^\[ RUN      \]/ && !(key in running) {
    running[key] = $4
    text[key] = ""
    google[key] = 1
}

{ text[key] = text[key] line "\n" }

/^\[ +(OK|FAILED|SKIPPED) +\].* ms\)$/ && (key in running) && running[key] == name_of_ended($0) {
    if (/^\[ +OK/)
        ++ok
    else if (/^\[  SKIPPED/)
        ++skipped
    else {
        ++failed
        ++failures[key]
        show(running[key], text[key])
    }
    delete running[key]
    text[key] = ""
}

# ctest's word on one program:  3/45 Test  #3: golden.01-minimal .....   Passed    0.10 sec
ctest && key == "" && match($0, /Test +#[0-9]+: /) {
    split(substr($0, RSTART, RLENGTH), words, "#")
    $0 = substr($0, RSTART + RLENGTH)
    program_ended(words[2] + 0, $1, $0 ~ / Passed /, $0 ~ /\*\*\*Skipped/)
}

END {
    if (!ctest)
        program_ended("", "the program", status == 0, 0)
    if (status && !failed || !(ok + failed + skipped)) {
        ++failed
        print status ? "No test failed, but the exit status is " status : "No test was run"
    }
    print ok + 0, failed + 0, skipped + 0
}

# "[       OK ] Suite.Name (12 ms)", with what it was made of behind a comma
function name_of_ended(line) {
    sub(/^[^]]*\] /, "", line)
    sub(/,? .*/, "", line)
    return line
}

# A test that fails may say much; what matters stands at both ends.
function show(test, said,    lines, count, i, word) {
    count = split(said, lines, "\n") - 1
    for (i = 1; i <= count; ++i)
        if (i <= 60 || i > count - 60)
            print lines[i]
        else if (i == 61)
            printf "[… %d lines …]\n", count - 120
    if (!failed_tests)
        return
    for (i = 1; i < count && lines[i] !~ /: Failure$/; ++i)
        ;
    word = lines[i]
    while (++i <= count && length(word) < 300)
        word = word " " lines[i]
    print test "\t" substr(word, 1, 500) >failed_tests
}

# A test that had begun when its program ended has failed; so has a program that says that it failed and not why, as with
# what the sanitizers find at its end.
function program_ended(number, name, good, skip) {
    if (number in running) {
        ++failed
        show(running[number], text[number] name " ended in " running[number] "\n")
    } else if (!good && !skip && !failures[number]) {
        ++failed
        show(name, text[number] name " failed\n")
    } else if (!google[number]) {
        if (skip)
            ++skipped
        else if (ctest)
            ++ok
    }
}
