export declare const freeDoors: readonly string[];
