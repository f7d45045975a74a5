namespace EstProv.Configuration.Schema;

/// <summary>What is wrong with a value, as the rest of the sentence that begins with its key: <c>is not an absolute path</c>.</summary>
/// <param name="What">The sentence's rest.</param>
/// <param name="Hint">What to do; where it is empty, the setting's example says it.</param>
internal sealed record Fault(string What, string Hint = "");
