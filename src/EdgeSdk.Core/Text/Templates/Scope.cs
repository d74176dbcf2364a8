namespace EdgeSdk.Text.Templates;

/// <summary>The variables of a template or of one round of a loop, which sees those around it and leaves them as they are.</summary>
internal sealed class Scope(Scope? parent)
{
    private readonly Dictionary<string, object?> _variables = new(StringComparer.Ordinal);

    private Scope? Around => parent;

    public void Set(string name, object? value) => _variables[name] = value;

    /// <summary>Makes a name undefined here, whatever it is around.</summary>
    public void Hide(string name) => _variables[name] = Missing(name);

    /// <summary>A variable's value, undefined where there is none.</summary>
    public object? Get(string name, Meter meter)
    {
        int looks = 0;
        object? value = null;
        var scope = this;
        for (; scope is not null && !scope._variables.TryGetValue(name, out value); scope = scope.Around)
            looks++;

        meter.Step(looks >> 2);
        return scope is null ? Missing(name) : value;
    }

    private static Undefined Missing(string name) => new($"'{name}' is undefined");
}
