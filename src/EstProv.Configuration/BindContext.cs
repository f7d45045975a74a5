namespace EstProv.Configuration;

/// <summary>What binding needs beside the tree.</summary>
/// <param name="Files">Where the tree came from.</param>
/// <param name="FindUser">A local user's uid by name; null when there is none.</param>
/// <param name="Problems">What is wrong.</param>
/// <param name="Complete">Whether every file could be read; if not, what seems missing is not spoken of.</param>
internal sealed record BindContext(ConfigurationFiles Files, Func<string, uint?> FindUser, Problems Problems, bool Complete);
