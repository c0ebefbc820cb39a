# SPDX-License-Identifier: MIT
#
# Tests of CTest that run in a VM of their own each, by qemunitctl run. In a CMakeLists.txt, behind
# enable_testing():
#
#   include(QemunitRun)
#   qemunit_add_test(NAME mounts COMMAND mount_test --all OPTIONS --memory=512M)
#
# COMMAND: the name of a target, or of a program in the guest, and what it is given.
# OPTIONS: further ones of qemunitctl run; TIMEOUT: seconds, 300 if it is not given.
# A kernel for all of them: cmake -DQEMUNIT_KERNEL=FILE.

find_program(QEMUNITCTL qemunitctl REQUIRED)
set(QEMUNIT_KERNEL "" CACHE FILEPATH "The kernel for tests in VMs, instead of this machine's")

function(qemunit_add_test)
  cmake_parse_arguments(PARSE_ARGV 0 run "" "NAME;TIMEOUT" "COMMAND;OPTIONS")
  if("${run_NAME}" STREQUAL "" OR "${run_COMMAND}" STREQUAL "")
    message(FATAL_ERROR "qemunit_add_test() needs NAME and COMMAND")
  endif()
  if(NOT run_TIMEOUT)
    set(run_TIMEOUT 300)
  endif()
  if(QEMUNIT_KERNEL)
    list(PREPEND run_OPTIONS --kernel=${QEMUNIT_KERNEL})
  endif()
  list(POP_FRONT run_COMMAND program)
  if(TARGET ${program})
    set(program $<TARGET_FILE:${program}>)
  endif()
  add_test(NAME ${run_NAME}
    COMMAND ${QEMUNITCTL} run --timeout=${run_TIMEOUT}s ${run_OPTIONS} -- ${program} ${run_COMMAND})
  # The one above says what the guest's console has said.
  math(EXPR patience "${run_TIMEOUT} + 60")
  set_tests_properties(${run_NAME} PROPERTIES TIMEOUT ${patience})
endfunction()
