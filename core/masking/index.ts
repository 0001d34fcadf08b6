/** What must not be written, found in a text and masked: for those who publish and for those who normalize. Pure. */
export { createDetector, type Detector, type Masked, maskOf, type OwnPattern, type Sought } from './detect.ts';
