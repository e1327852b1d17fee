// What somebody chose on this device: to look before a code is redeemed, silence, which camera.

/** A choice by its name, or null. */
export const wish = (name) => localStorage.getItem(`counter.${name}`);

/** Keep a choice. */
export const wishFor = (name, value) => localStorage.setItem(`counter.${name}`, value);
