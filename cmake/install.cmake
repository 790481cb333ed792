# What `cmake --install` puts where, by component, and the Debian package. With the prefix /usr the configuration goes
# to /etc/fpnode, with any other to PREFIX/etc/fpnode.

include(GNUInstallDirs)

install(TARGETS fpnode RUNTIME COMPONENT node)
configure_file(cmake/install_configuration.cmake.in install_configuration.cmake @ONLY)
install(SCRIPT ${PROJECT_BINARY_DIR}/install_configuration.cmake COMPONENT node)
if(TARGET fpctl)
  install(TARGETS fpctl RUNTIME COMPONENT client)
  install(FILES ${PROJECT_BINARY_DIR}/manual/fpctl.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT client)
  install(FILES ${PROJECT_BINARY_DIR}/manual/fpnode.8.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man8 COMPONENT node)
  install(FILES ${PROJECT_BINARY_DIR}/manual/fpctl.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
          RENAME fpctl COMPONENT client)
endif()
# The client library: find_package(fpnode) gives the target fpnode::client. In no Debian package: that would be one of its
# own, which depends on all that the headers include.
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/fpnode)
foreach(room core messages asking tls support client)
  set_target_properties(fp_${room} PROPERTIES EXPORT_NAME ${room})
  list(APPEND client_rooms fp_${room})
endforeach()
install(TARGETS ${client_rooms} EXPORT fpnode ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}/fpnode COMPONENT development
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/fpnode)
install(EXPORT fpnode NAMESPACE fpnode:: FILE fpnode-targets.cmake DESTINATION ${package_folder} COMPONENT development)
include(CMakePackageConfigHelpers)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/fpnode-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES cmake/fpnode-config.cmake cmake/system_libraries.cmake ${PROJECT_BINARY_DIR}/fpnode-config-version.cmake
        DESTINATION ${package_folder} COMPONENT development)
configure_file(cmake/install_headers.cmake.in install_headers.cmake @ONLY)
install(SCRIPT ${PROJECT_BINARY_DIR}/install_headers.cmake COMPONENT development)

install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT licence)
# As they lie in the tree, so that they find each other.
foreach(document README.md SECURITY.md actors/README.md app/client/README.md app/fpctl/README.md app/api/README.md
                 app/line/README.md app/page/screenshot.png config/README.md config/fpnode.json core/FORMATS.md)
  cmake_path(GET document PARENT_PATH folder)
  install(FILES ${document} DESTINATION ${CMAKE_INSTALL_DOCDIR}/${folder} COMPONENT doc OPTIONAL)
endforeach()
install(DIRECTORY app/example/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples COMPONENT doc OPTIONAL)
install(FILES config/prometheus.yml config/fpnode-alerts.yml config/grafana-dashboard.json
        DESTINATION ${CMAKE_INSTALL_DOCDIR}/monitoring COMPONENT doc OPTIONAL)

# What a Debian package has in addition; `copyright` stands for the licence there.
set(debian ${PROJECT_SOURCE_DIR}/config/debian)
install(CODE "execute_process(COMMAND gzip -9nc ${debian}/changelog COMMAND_ERROR_IS_FATAL ANY
                              OUTPUT_FILE ${PROJECT_BINARY_DIR}/changelog.gz)"
        COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES ${PROJECT_BINARY_DIR}/changelog.gz ${debian}/copyright DESTINATION ${CMAKE_INSTALL_DOCDIR}
        COMPONENT debian EXCLUDE_FROM_ALL)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME fpnode)
set(CPACK_PACKAGE_CONTACT "The fpnode authors <fpnode@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "audio-fingerprint index as a networked node of actors")
set(CPACK_PACKAGE_DESCRIPTION
    "fpnode finds the recordings that share the most Chromaprint hashes with a
query. It loads its segment files in parallel, takes durable writes, and
answers searches over the network. Its service is neither enabled nor
started by the installation.")
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_STRIP_FILES ON)
# The configuration's place is absolute.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)

foreach(component node client doc debian)
  list(APPEND CPACK_INSTALL_CMAKE_PROJECTS ${PROJECT_BINARY_DIR} fpnode ${component} /)
endforeach()

# The release whose libraries the package depends on is part of its name.
cmake_host_system_information(RESULT release QUERY DISTRIB_INFO)
set(CPACK_DEBIAN_PACKAGE_RELEASE "1~${release_ID}${release_VERSION_ID}")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_PROJECT_CONFIG_FILE ${PROJECT_SOURCE_DIR}/cmake/package_tools.cmake)
set(CPACK_DEBIAN_PACKAGE_SECTION database)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser, init-system-helpers (>= 1.54)")
# What fpctl names sound with. A node needs neither.
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "ffmpeg, libchromaprint1, libchromaprint-tools")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${debian}/conffiles ${debian}/postinst ${debian}/prerm ${debian}/postrm)

include(CPack)
