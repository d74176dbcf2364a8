using System.Text.Json.Nodes;

namespace EdgeSdk.Distillation;

/// <summary>Figures as JSON: four places; what could not be measured is null.</summary>
internal static class Figure
{
    public static JsonNode? Of(double value) => double.IsFinite(value) ? JsonValue.Create(Math.Round(value, 4)) : null;

    public static JsonNode? Share(double part, double whole) => Of(part / whole);

    public static JsonArray Interval(double low, double high) => new(Of(low), Of(high));

    public static JsonArray Row(IEnumerable<double> values) => new([.. values.Select(Of)]);
}
