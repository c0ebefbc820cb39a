# SPDX-License-Identifier: MIT
#
# What the end-to-end tests need on a machine that has neither the source nor a build: a program, the guests,
# and what boots a throwaway system. By tests/e2e/CMakeLists.txt, with QEMUNIT_INSTALL_TESTS.
install(TARGETS qemunit-e2e qemunit-rogue-qemu qemunit-example-screenshot qemunit-example-guest-test DESTINATION ${QEMUNIT_TESTS_DIR})
install(FILES ${PROJECT_SOURCE_DIR}/man/qemunit-recipes.7.scd DESTINATION ${QEMUNIT_TESTS_DIR}/man)
install(DIRECTORY ${PROJECT_BINARY_DIR}/tests/guests/ DESTINATION ${QEMUNIT_TESTS_DIR}/guests
  FILES_MATCHING PATTERN "*.img" PATTERN "*.bin" PATTERN "CMakeFiles" EXCLUDE)
install(PROGRAMS ${PROJECT_SOURCE_DIR}/tools/throwaway ${PROJECT_SOURCE_DIR}/tools/fetch-linux-guest
  DESTINATION ${QEMUNIT_TESTS_DIR})
install(FILES ${PROJECT_SOURCE_DIR}/tools/throwaway-container.sh ${PROJECT_SOURCE_DIR}/tools/throwaway-machine.sh
  DESTINATION ${QEMUNIT_TESTS_DIR})
