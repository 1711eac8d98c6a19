// A worker thread is not reached by --import: it registers the loader itself, then runs the module of its workerData.
import { workerData } from 'node:worker_threads'
import '../typescript/register.mjs'

await import(workerData.module)
