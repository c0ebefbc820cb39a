# SPDX-License-Identifier: MIT
#
# Counts the results in a log of GoogleTest, or with ctest=1 in one of "ctest -V", whose programs run at the same time, each
# line behind a number and a colon. Prints what the tests that failed said, and at last "OK FAILED SKIPPED". status: what the
# program, or ctest, ended with. Called by tools/test.

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
        printf "%s", text[key]
    }
    delete running[key]
    text[key] = ""
}

# ctest's word on one program:  3/45 Test  #3: golden.01-minimal .....   Passed    0.10 sec
ctest && key == "" && match($0, /Test +#[0-9]+: /) {
    split(substr($0, RSTART, RLENGTH), words, "#")
    $0 = substr($0, RSTART + RLENGTH)
    program_ended(words[2] + 0, $1, / Passed /, /\*\*\*Skipped/)
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

# A test that had begun when its program ended has failed; so has a program that says that it failed and not why, as with
# what the sanitizers find at its end.
function program_ended(number, name, good, skip) {
    if (number in running) {
        ++failed
        printf "%s%s ended in %s\n", text[number], name, running[number]
    } else if (!good && !skip && !failures[number]) {
        ++failed
        printf "%s%s failed\n", text[number], name
    } else if (!google[number]) {
        if (skip)
            ++skipped
        else if (ctest)
            ++ok
    }
}
