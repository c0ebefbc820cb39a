# SPDX-License-Identifier: MIT
#
# Debian's chromium at a real cockpit-ws, by WebDriver: what the tests of the page say and see. Every wait is for
# something, and has a deadline.
import os
import pathlib
import time

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

ADDRESS = "http://localhost:9090"
DEADLINE = 60


class Browser:
    def __init__(self, pictures, width=1280, height=900):
        self.pictures = pathlib.Path(pictures)
        options = Options()
        for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars",
                     "--disable-background-networking", "--lang=en", f"--window-size={width},{height}"):
            options.add_argument(word)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        options.binary_location = "/usr/bin/chromium"
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.driver.set_page_load_timeout(180)

    def close(self):
        self.driver.quit()

    # --- Waiting ---

    def until(self, what, look, deadline=DEADLINE):
        end = time.monotonic() + deadline
        while True:
            try:
                if found := look():
                    return found
            except (NoSuchElementException, StaleElementReferenceException):
                pass
            if time.monotonic() > end:
                raise AssertionError(f"not seen within {deadline} s: {what}; the page says:\n{self.body()[:3000]}")
            time.sleep(0.05)

    def body(self):
        try:
            return self.driver.find_element(By.TAG_NAME, "body").text
        except (NoSuchElementException, StaleElementReferenceException):
            return "(nothing)"

    def all(self, css):
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def one(self, css, deadline=DEADLINE):
        return self.until(css, lambda: next((each for each in self.all(css) if each.is_displayed()), None), deadline)

    def text(self, css, words, deadline=DEADLINE):
        return self.until(f"“{words}” in {css}",
                          lambda: next((each for each in self.all(css) if words in each.text), None), deadline)

    def gone(self, css):
        self.until(f"no {css}", lambda: not self.all(css))

    # --- Doing ---

    def login(self, user, password, administrator=True):
        self.driver.get(f"{ADDRESS}/qemunit")
        self.one("#login-user-input").send_keys(user)
        self.driver.execute_script("localStorage.setItem('superuser:' + arguments[0], arguments[1])",
                                   user, "any" if administrator else "none")
        self.one("#login-password-input").send_keys(password)
        self.one("#login-button").click()
        self.enter()

    # The list, as who has just opened the page sees it.
    def home(self):
        self.go()
        self.one(".qemunit-list, .pf-v6-c-empty-state")
        self.driver.execute_script("document.querySelectorAll('#alerts > *').forEach(each => each.remove())")

    # The view of one VM.
    def view(self, vm, tab="overview", scope="system"):
        self.until(f"VM {vm}", lambda: self.all(self.row(vm, scope)) or self.one("h1").text == vm)
        self.go(scope, vm, tab)
        self.one(f'[data-tab="{tab}"][aria-selected="true"]')

    def button(self, words, within="body"):
        return self.until(f"button “{words}”", lambda: next(
            (each for each in self.all(f"{within} button") if each.text == words and each.is_displayed()), None))

    def press(self, words, within="body"):
        def press():
            button = self.button(words, within)
            if button.get_attribute("aria-disabled") == "true":
                return False
            button.click()
            return True
        self.until(f"“{words}” can be pressed", press)

    def fill(self, css, words):
        field = self.one(css)
        field.clear()
        field.send_keys(words)

    def resize(self, width, height):
        self.driver.set_window_size(width, height)

    # The frame of our page inside Cockpit's.
    def enter(self):
        self.driver.switch_to.default_content()
        frame = self.until("the frame of the page", lambda: next(
            (each for each in self.all("iframe") if "/qemunit/" in (each.get_attribute("src") or "") and each.is_displayed()), None))
        self.driver.switch_to.frame(frame)
        self.until("the page's first view", lambda: self.all("#page[aria-busy=false], #page h1"))

    def go(self, *path):
        self.driver.execute_script("window.cockpit.location.go(arguments[0])", list(path))

    def row(self, vm, scope="system"):
        return f'tr[data-vm="{scope}/{vm}"]'

    # The whole page alone: Cockpit's own frame around it is not ours to look at.
    def picture(self, name):
        self.driver.save_screenshot(str(self.pictures / f"{name}.png"))

    def script(self, text, *arguments):
        return self.driver.execute_script(text, *arguments)

    # What the browser complained about, and a violation of the content security policy above all.
    def complaints(self):
        return [entry["message"] for entry in self.driver.get_log("browser")
                if entry["level"] == "SEVERE" and "/cockpit/login " not in entry["message"]]
