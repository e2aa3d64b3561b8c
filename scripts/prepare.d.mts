export function hasGstreamerHls(): boolean;
