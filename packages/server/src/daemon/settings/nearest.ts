/** Letters that were changed, left out, put in, or changed places with a neighbour. */
function distance(left: string, right: string): number {
  const rows = Array.from({ length: left.length + 1 }, () => new Array<number>(right.length + 1).fill(0));
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Number.POSITIVE_INFINITY;
  for (let i = 0; i <= left.length; i += 1) {
    for (let j = 0; j <= right.length; j += 1) {
      const same = left[i - 1] === right[j - 1] ? 0 : 1;
      let least = i === 0 ? j : j === 0 ? i : Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + same);
      if (i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1]) {
        least = Math.min(least, at(i - 2, j - 2) + 1);
      }
      (rows[i] as number[])[j] = least;
    }
  }
  return at(left.length, right.length);
}

/** What people write differently means the same: `cache-mib`, `CACHE_MIB`, `cacheMib`. */
const plain = (name: string): string => name.toLowerCase().replace(/[-_]/g, "");
/** Nothing so long is a misspelled name. */
const NAME_CHARACTERS_MAX = 64;

/** The known name that `name` was probably meant to be, or undefined. */
export function nearest<Name extends string>(name: string, known: readonly Name[]): Name | undefined {
  if (name.length > NAME_CHARACTERS_MAX) return undefined;
  const [best] = known
    .map((candidate) => ({ candidate, apart: distance(plain(name), plain(candidate)) }))
    .filter(({ candidate, apart }) => apart <= Math.max(1, Math.floor(plain(candidate).length / 3)))
    .sort((left, right) => left.apart - right.apart);
  return best?.candidate;
}
