export function findBrowser(): string | null;
export function browserPackage(): string;
