# The Debian package: see deploy/debian/README.md. `cpack` makes it from the target leadflow alone.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)
set(deploy ${PROJECT_SOURCE_DIR}/deploy)
set(made ${PROJECT_BINARY_DIR}/package)

# Policy wants them packed, and the same bytes each time.
function(pack from to)
  execute_process(COMMAND gzip -9nc ${from} OUTPUT_FILE ${made}/${to} COMMAND_ERROR_IS_FATAL ANY)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${from})
endfunction()
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
file(WRITE ${made}/changelog.Debian
  "leadflow (${PROJECT_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}) unstable; urgency=medium\n\n"
  "  * What has changed stands in changelog.gz.\n\n"
  " -- The leadflow authors <leadflow@localhost.localdomain>  Thu, 01 Jan 2026 00:00:00 +0000\n")
pack(${made}/changelog.Debian changelog.Debian.gz)
pack(${PROJECT_SOURCE_DIR}/CHANGELOG.md changelog.gz)
pack(${deploy}/debian/leadflow.1 leadflow.1.gz)
file(WRITE ${made}/conffiles "/etc/leadflow/pipeline.yaml\n")

install(TARGETS leadflow DESTINATION bin)
install(FILES ${deploy}/debian/pipeline.yaml DESTINATION /etc/leadflow)
install(FILES ${deploy}/systemd/leadflow@.service DESTINATION lib/systemd/system)
install(FILES ${made}/leadflow.1.gz DESTINATION share/man/man1)
install(FILES ${made}/changelog.gz ${made}/changelog.Debian.gz ${deploy}/debian/copyright
  DESTINATION share/doc/leadflow)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_NAME leadflow)
set(CPACK_PACKAGE_VENDOR leadflow)
set(CPACK_PACKAGE_CONTACT "The leadflow authors <leadflow@localhost.localdomain>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "live marketing KPIs that equal the batch result")
set(CPACK_PACKAGE_DESCRIPTION
  "Reads events of website, mail, fairs, CRM and shop, keeps the journey of every\n lead and writes KPIs as they change, exactly, whatever order events come in.")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${made}/conffiles)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
include(CPack)
