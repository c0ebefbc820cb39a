# SPDX-License-Identifier: MIT
#
# What makes a fault in a program harder to use, in every build type, whatever flags a distribution gives:
# the target qemunit_hardening. tests/package/hardening reads it out of the installed programs.
include(CheckCXXCompilerFlag)
include(CheckCXXSourceCompiles)

add_library(qemunit_hardening INTERFACE)
target_compile_options(qemunit_hardening INTERFACE -fPIE -fstack-protector-strong)
target_compile_definitions(qemunit_hardening INTERFACE _GLIBCXX_ASSERTIONS)
target_link_options(qemunit_hardening INTERFACE -pie LINKER:-z,relro LINKER:-z,now)
# Not every processor has these.
foreach(flag IN ITEMS -fcf-protection=full -mbranch-protection=standard -fstack-clash-protection)
  string(MAKE_C_IDENTIFIER "QEMUNIT_HAS${flag}" has_flag)
  check_cxx_compiler_flag(${flag} ${has_flag})
  if(${has_flag})
    target_compile_options(qemunit_hardening INTERFACE ${flag})
  endif()
endforeach()

# The highest _FORTIFY_SOURCE that the C library takes of this compiler with the flags of this build: none
# without optimisation, which it takes. AddressSanitizer sees less with it. What the distribution has
# defined is replaced. A target that is built with -O0 in any build type sets the property QEMUNIT_FORTIFY
# to OFF.
string(TOUPPER "${CMAKE_BUILD_TYPE}" build_type)
set(CMAKE_REQUIRED_QUIET ON)
foreach(level IN ITEMS 3 2)
  # Asked anew each time, as the flags may be others than the last time.
  unset(QEMUNIT_FORTIFY_LEVEL_${level} CACHE)
  set(fortify -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=${level})
  list(JOIN fortify " " CMAKE_REQUIRED_FLAGS)
  string(PREPEND CMAKE_REQUIRED_FLAGS "${CMAKE_CXX_FLAGS_${build_type}} ")
  check_cxx_source_compiles("
    #include <cstdlib>
    #if defined(__has_feature)
    #if __has_feature(address_sanitizer)
    #define __SANITIZE_ADDRESS__
    #endif
    #endif
    #if defined(__SANITIZE_ADDRESS__) || __USE_FORTIFY_LEVEL < ${level}
    #error not with these flags
    #endif
    int main() {}" QEMUNIT_FORTIFY_LEVEL_${level})
  if(QEMUNIT_FORTIFY_LEVEL_${level})
    target_compile_options(qemunit_hardening INTERFACE
      "$<$<NOT:$<STREQUAL:$<TARGET_PROPERTY:QEMUNIT_FORTIFY>,OFF>>:${fortify}>")
    break()
  endif()
endforeach()
unset(CMAKE_REQUIRED_FLAGS)
unset(CMAKE_REQUIRED_QUIET)
