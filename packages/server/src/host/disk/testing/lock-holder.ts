import { lockDirectory } from "../lock.ts";

/** Takes the lock of a directory, says so and holds it until it is killed or its input ends; or says why not. */
const directory = process.argv[2] as string;
lockDirectory(directory).then(
  () => {
    process.stdout.write("held\n");
    process.stdin.resume().on("end", () => process.exit(0));
  },
  (error: Error) => {
    process.stdout.write(`${error.message}\n`);
  },
);
