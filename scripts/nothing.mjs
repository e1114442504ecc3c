// For `.ci/run`: running this through run.mjs installs and builds, and does nothing else.
