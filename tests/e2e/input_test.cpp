// SPDX-License-Identifier: MIT
//
// SendKeys, TypeText and MoveMouse of org.qemunit1.VM: what is sent, arrives in the guest.
#include <gtest/gtest.h>

#include "tests/e2e/bus.h"
#include "tests/e2e/unix_client.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

constexpr const char *kReady = "keyboard and mouse ready\r\n";

Finished call(const VmUnderTest &vm, std::vector<std::string> member_and_arguments) {
    std::vector<std::string> command{
        "busctl",         "--timeout=80", "call", "org.qemunit1", "/org/qemunit1/vm/" + vm.name(),
        "org.qemunit1.VM"};
    command.insert(command.end(), member_and_arguments.begin(), member_and_arguments.end());
    return run(command);
}

// A VM whose guest tells on its serial port what is typed.
class Input : public testing::Test {
  protected:
    void boot(const std::string &name, const std::string &more = {}) {
        vm.emplace(name, boot_sector_ini("keys.img") + more);
        ASSERT_TRUE(vm->start().ok()) << vm->status();
        auto client = UnixClient::connect(vm->socket("serial"));
        ASSERT_TRUE(client) << client.error().message;
        serial = std::move(*client);
        expect(kReady);
    }
    void expect(const std::string &text) {
        auto seen = serial->read_until(text);
        EXPECT_TRUE(seen) << seen.error().message;
    }
    // That, and nothing else before it.
    void expect_only(const std::string &text) {
        auto seen = serial->read_until(text);
        ASSERT_TRUE(seen) << seen.error().message;
        EXPECT_EQ(*seen, text);
    }
    void type(const std::string &text) {
        const BusReply reply = call_vm(vm->name(), "TypeText", text);
        EXPECT_EQ(reply.error, "") << reply;
    }

    std::optional<VmUnderTest> vm;
    std::optional<UnixClient> serial;
};

TEST_F(Input, ATextArrivesAsItIs) {
    boot("typed");
    type("The quick brown fox (no. 7) jumps: \"over\" a\tlazy dog!\n");
    expect_only("The quick brown fox (no. 7) jumps: \"over\" a\tlazy dog!\r");
    type("`1234567890-=[]\\;',./~!@#$%^&*()_+{}|:\"<>?\n");
    expect_only("`1234567890-=[]\\;',./~!@#$%^&*()_+{}|:\"<>?\r");
}

TEST_F(Input, TwoTextsDoNotMix) {
    boot("twotexts");
    PendingCall one(vm->name(), "TypeText", "aaaaaaaaaa");
    PendingCall two(vm->name(), "TypeText", "bbbbbbbbbb");
    EXPECT_EQ(one.wait().error, "");
    EXPECT_EQ(two.wait().error, "");
    type("\n");
    auto seen = serial->read_until("\r");
    ASSERT_TRUE(seen) << seen.error().message;
    EXPECT_TRUE(*seen == "aaaaaaaaaabbbbbbbbbb\r" || *seen == "bbbbbbbbbbaaaaaaaaaa\r") << *seen;
}

TEST_F(Input, NothingIsTypedOfATextThatCannotBe) {
    boot("untyped");
    const BusReply reply = call_vm(vm->name(), "TypeText", "caf\xc3\xa9");
    EXPECT_EQ(reply.error, "org.qemunit1.Error.InvalidArgument") << reply;
    EXPECT_EQ(reply.message,
              "Character 4 of the text, '\xc3\xa9' (U+00E9), is not on a keyboard "
              "with the layout 'en-us'");
    type("x");
    expect_only("x");
}

// The BIOS takes the keys for those of a US keyboard.
TEST_F(Input, AGermanKeyboardHasItsKeysElsewhere) {
    boot("german", "[VM]\nDisplay=vnc\nKeyboard=de\n");
    type("yZ-\xc3\xb6?\n");
    expect_only("zY/;_\r");
}

TEST_F(Input, KeysArePressedTogether) {
    boot("keys");
    EXPECT_TRUE(call(*vm, {"SendKeys", "as", "1", "f1"}).ok());
    expect_only("[3b]");
    EXPECT_TRUE(call(*vm, {"SendKeys", "as", "2", "shift", "a"}).ok());
    expect_only("A");
    EXPECT_TRUE(call(*vm, {"SendKeys", "as", "3", "ctrl", "alt", "delete"}).ok());
    expect(kReady);
}

TEST_F(Input, AnUnknownKeyIsNamed) {
    boot("nokey");
    const Finished enter = call(*vm, {"SendKeys", "as", "2", "ctrl", "enter"});
    EXPECT_TRUE(!enter.ok() && enter.says("There is no key 'enter'. Did you mean 'ret'?")) << enter;
    const Finished typo = call(*vm, {"SendKeys", "as", "1", "delte"});
    EXPECT_TRUE(!typo.ok() && typo.says("There is no key 'delte'. Did you mean 'delete'?")) << typo;
    EXPECT_FALSE(call(*vm, {"SendKeys", "as", "0"}).ok());
}

TEST_F(Input, TheMouseMoves) {
    boot("mouse");
    EXPECT_TRUE(call(*vm, {"MoveMouse", "ii", "10", "5"}).ok());
    expect_only("(0afb)");  // up is positive there
    EXPECT_TRUE(call(*vm, {"MoveMouse", "ii", "--", "-3", "200"}).ok());
    expect_only("(fd88)");
    expect_only("(00b0)");
}

TEST_F(Input, AGuestThatIsPausedTakesNoKeys) {
    boot("pausedkeys");
    ASSERT_EQ(call_vm(vm->name(), "Pause").error, "");
    const BusReply reply = call_vm(vm->name(), "TypeText", "x");
    EXPECT_EQ(reply.error, "org.qemunit1.Error.Monitor") << reply;
}

}  // namespace
}  // namespace qemunit::e2e
