# SPDX-License-Identifier: MIT
#
# awk -f bus_interface.awk org.qemunit1.policy org.qemunit1.xml: prints the parts of org.qemunit1(5)
# that the interface's own file and polkit's have already. CMakeLists.txt here calls this; the XML's head
# says how it is written. What is written otherwise is an error: nothing may be left out silently.

function fail(text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text >"/dev/stderr"
    failed = 1
    exit 1
}

# The value of an attribute of the element on this line; "" if it has none.
function attribute(name,    text) {
    text = $0
    if (!sub(".* " name "=\"", "", text))
        return ""
    sub(/".*/, "", text)
    return text
}

# Text for scdoc(5), in which all but *bold* and _italic_ is literal.
function escaped(text,    done) {
    gsub(/\\/, "&&", text)
    while (match(text, /[A-Za-z0-9'"]_[A-Za-z0-9'"]/)) {
        done = done substr(text, 1, RSTART) "\\_"
        text = substr(text, RSTART + 2)
    }
    return done text
}

# Of the comment before a member: its lines, as a list entry's, and its tags.
function take_comment_line(line,    tabs) {
    sub(/^      /, "", line)
    if (match(line, /^(Errors|Action|Since): /)) {
        tag = substr(line, 1, RLENGTH - 2)
        tags[tag] = substr(line, RLENGTH + 1)
    } else if (tag == "Errors" && line ~ /^    /) {
        tags[tag] = tags[tag] " " substr(line, 5)
    } else if (tag != "" || line ~ /^[A-Z][a-z]+:/) {
        fail("not a line of a member's comment")
    } else {
        for (tabs = "\t"; sub(/^    /, "", line);)
            tabs = tabs "\t"
        prose = prose (line == "" ? "" : tabs escaped(line)) "\n"
    }
}

# Each error is one of those that the head explains, or D-Bus's own.
function check_errors(text,    n, i, words) {
    gsub(/\([^()]*(\([^()]*\)[^()]*)*\)/, "", text)
    n = split(text, words, /[,; ]+/)
    for (i = 1; i <= n; i++) {
        sub(/\.$/, "", words[i])
        if (words[i] ~ /^[A-Z][A-Za-z]*$/ && !(words[i] in is_error) && words[i] != "SESSIONS")
            fail("no error is called " words[i])
    }
}

# A member is complete: its entry of the page.
function finish_member(    entry, separator) {
    if (prose == "" || tags["Since"] == "")
        fail(member " has no documentation, or no \"Since:\"")
    if (kind == "method" && (interface == "org.qemunit1.VM" || tags["Action"] != "")) {
        if (!(tags["Action"] in by_default))
            fail(member " has no \"Action:\" of org.qemunit1.policy")
        members_of[tags["Action"]] = members_of[tags["Action"]] \
            (members_of[tags["Action"]] == "" ? "" : ", ") "*" member "*"
    } else if (tags["Action"] != "")
        fail(member " is for everybody")
    entry = "*" member "*"
    if (kind == "method")
        entry = entry "(" arguments["in"] ")" (arguments["out"] == "" ? "" : " -> " arguments["out"])
    else if (kind == "signal")
        entry = entry "(" arguments[""] ")"
    else
        entry = entry " (*" type "*" remark ")"
    sub(/^\n*/, "", prose)
    sub(/\n*$/, "\n", prose)
    entry = entry "\n" prose "\n\t"
    if (tags["Errors"] != "") {
        check_errors(tags["Errors"])
        entry = entry "Errors: " escaped(tags["Errors"]) " "
    }
    entry = entry "Added in version " tags["Since"] ".\n"
    part = interface "." kind
    parts[part] = parts[part] (parts[part] == "" ? "" : "\n") entry
    member = prose = tag = remark = ""
    split("", tags)
    split("", arguments)
}

# --- org.qemunit1.policy: the actions, and who may do that without a rule. ---

FILENAME ~ /\.policy$/ {
    if (/<action id=/)
        actions[++n_actions] = attribute("id")
    else if (/<allow_any>yes</)
        by_default[actions[n_actions]] = "everybody"
    else if (/<allow_any>auth_admin</)
        by_default[actions[n_actions]] = "an administrator, with a password"
    else if (/<allow_any>/)
        fail("no word of the page for this")
    next
}

# --- org.qemunit1.xml. ---

!in_node {
    if (/^<node>/)
        in_node = 1
    else if (/^  org\.qemunit1\.Error\.[A-Za-z]+$/) {
        sub(/^ */, "")
        errors = errors (errors == "" ? "" : "\n") "*" $0 "*\n"
        in_errors = 1
        sub(/.*\./, "")
        is_error[$0] = 1
    } else if (in_errors && sub(/^      /, ""))
        errors = errors "\t" escaped($0) "\n"
    next
}
in_comment {
    if (/^    -->$/)
        in_comment = 0
    else
        take_comment_line($0)
    next
}
/^    <!--$/ { in_comment = 1; next }
/^  <interface / { interface = attribute("name"); next }
/^    <(method|property|signal) / {
    kind = substr($1, 2)
    member = attribute("name")
    type = attribute("type")
    if (/\/>$/)
        finish_member()
    next
}
/^      <arg / {
    direction = attribute("direction")
    arguments[direction] = arguments[direction] (arguments[direction] == "" ? "" : ", ") \
        "*" attribute("type") "* _" escaped(attribute("name")) "_"
    next
}
/^      <annotation / {
    if (attribute("name") != "org.freedesktop.DBus.Property.EmitsChangedSignal")
        fail("no words of the page for this annotation")
    remark = attribute("value") == "const" ? ", constant" : ", changes are not signalled"
    next
}
/^    <\/(method|property|signal)>$/ { finish_member(); next }
/^(  <\/interface>|<\/node>)?$/ { next }
{ fail("not a line that this knows") }

END {
    if (failed)
        exit 1
    for (part in parts)
        printf "@part %s\n%s", part, parts[part]
    printf "@part errors\n%s", errors
    print "@part actions"
    for (i = 1; i <= n_actions; i++)
        printf "%s*%s*: %s\n\t%s.\n", (i > 1 ? "\n" : ""), actions[i], by_default[actions[i]], \
            members_of[actions[i]]
}
