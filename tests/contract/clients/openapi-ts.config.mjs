export default {
  input: './trading.yaml',
  // Node finds a module by its whole name.
  output: { path: 'client', importFileExtension: '.js' },
  plugins: ['@hey-api/client-fetch'],
};
