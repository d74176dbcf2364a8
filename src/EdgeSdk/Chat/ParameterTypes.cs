using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace EdgeSdk.Chat;

/// <summary>
/// What the types of a method's parameters take and its schema does not say: a byte, an int and a long are one integer to it, a byte[] is any string. Said by
/// <c>format</c> and <c>contentEncoding</c>, so that a call that fits its schema can be bound.
/// </summary>
internal static class ParameterTypes
{
    private static readonly AIJsonSchemaCreateOptions s_typed = new()
    {
        TransformSchemaNode = (context, schema) => schema is JsonObject described ? Typed(described, Nullable.GetUnderlyingType(context.TypeInfo.Type) ?? context.TypeInfo.Type) : schema,
    };

    /// <summary>Adds it to a function's schema; what that says itself stands.</summary>
    public static void AddTo(JsonObject schema, AIFunctionDeclaration declared)
    {
        if (declared is not AIFunction { UnderlyingMethod: { } method, JsonSerializerOptions: { } options } || schema["properties"] is not JsonObject properties)
            return;

        foreach (var parameter in method.GetParameters())
        {
            if (properties[parameter.Name!] is not JsonObject given || !options.TryGetTypeInfo(parameter.ParameterType, out _))
                continue;

            var typed = AIJsonUtilities.CreateJsonSchema(parameter.ParameterType, serializerOptions: options, inferenceOptions: s_typed);
            foreach (var (part, same) in SchemaParts.Of(given).Zip(SchemaParts.Of(JsonNode.Parse(typed.GetRawText()))))
            {
                if (JsonNode.DeepEquals(part["type"], same["type"]))
                    Copy(same, part);
            }
        }
    }

    private static void Copy(JsonObject from, JsonObject to)
    {
        foreach (string keyword in (ReadOnlySpan<string>)["format", "contentEncoding"])
        {
            if (from[keyword] is { } value)
                to.TryAdd(keyword, value.DeepClone());
        }
    }

    private static JsonObject Typed(JsonObject schema, Type type)
    {
        if (type == typeof(byte[]) || type == typeof(Memory<byte>) || type == typeof(ReadOnlyMemory<byte>))
            schema["contentEncoding"] = "base64";
        else if (SchemaParts.IsOf(schema, "integer") && Width(type) is { } width)
            schema["format"] = width;

        return schema;
    }

    /// <summary>An enumeration's is that of its numbers.</summary>
    private static string? Width(Type type) => Type.GetTypeCode(type) switch
    {
        TypeCode.SByte => "int8",
        TypeCode.Byte => "uint8",
        TypeCode.Int16 => "int16",
        TypeCode.UInt16 => "uint16",
        TypeCode.Int32 => "int32",
        TypeCode.UInt32 => "uint32",
        TypeCode.UInt64 => "uint64",
        _ => null, // a long holds every integer that is written
    };
}
