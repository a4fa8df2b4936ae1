# What `cmake --install` puts under the prefix: the executable, both libraries, the public headers, a CMake package
# (find_package(perilune) → perilune::perilune, perilune::static), a pkg-config file, and the Lua module where LuaJIT
# looks for modules of /usr/local.
include(CMakePackageConfigHelpers)

install(TARGETS perilune_shared perilune_static EXPORT perilune
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
if(TARGET perilune)
  install(TARGETS perilune RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(TARGETS perilune_lua LIBRARY DESTINATION lib/lua/5.1)
install(DIRECTORY runtime/include/perilune DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/perilune)
install(EXPORT perilune NAMESPACE perilune:: FILE perilune-targets.cmake DESTINATION ${package})
configure_package_config_file(cmake/perilune-config.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/perilune-config.cmake
  INSTALL_DESTINATION ${package})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/perilune-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/perilune-config.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/perilune-config-version.cmake DESTINATION ${package})

configure_file(cmake/perilune.pc.in ${CMAKE_CURRENT_BINARY_DIR}/perilune.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/perilune.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# What users read and start from, as it stands here, so that its links hold: recipes, the templates in examples, every page,
# the algorithms. The executable finds recipes there by name (lua/perilune/share.lua).
set(share ${CMAKE_INSTALL_DATADIR}/perilune)
install(DIRECTORY recipes examples DESTINATION ${share} PATTERN __pycache__ EXCLUDE)
install(DIRECTORY lua/perilune/algorithms DESTINATION ${share}/lua/perilune)
file(GLOB front_pages CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} *.md)
file(GLOB_RECURSE pages CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} lua/*.md runtime/*.md spec/*.md)
set(sources lua/perilune/options.lua runtime/autograd/ops.h) # which pages show
foreach(page LICENSE ${front_pages} ${pages} ${sources})
  get_filename_component(folder ${page} DIRECTORY)
  install(FILES ${page} DESTINATION ${share}/${folder})
endforeach()
