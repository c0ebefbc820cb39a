# SPDX-License-Identifier: MIT
# "cpack -G DEB" in the build folder makes a package for this distribution.
set(CPACK_PACKAGE_NAME qemunit)
set(CPACK_PACKAGE_VENDOR "qemunit")
set(CPACK_PACKAGE_CONTACT "qemunit <qemunit@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY ${PROJECT_DESCRIPTION})
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_GENERATOR DEB)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "systemd (>= 252), dbus | dbus-broker, systemd-container")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "qemu-system-x86 | qemu-system-arm | qemu-system, polkitd")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "dbus-user-session, socat, qemu-utils, ovmf, swtpm, passt, iproute2")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
  ${PROJECT_SOURCE_DIR}/units/debian/postinst ${PROJECT_SOURCE_DIR}/units/debian/prerm
  ${PROJECT_SOURCE_DIR}/units/debian/postrm ${PROJECT_SOURCE_DIR}/units/debian/conffiles)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
